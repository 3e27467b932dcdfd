getent group logstash >/dev/null || groupadd -r logstash
getent passwd logstash >/dev/null || useradd -r -g logstash -d /opt/logstash -s /sbin/nologin -c logstash logstash
