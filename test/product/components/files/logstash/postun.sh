if [ "$1" -eq 0 ]; then
	getent passwd logstash >/dev/null && userdel logstash
	getent group logstash >/dev/null && groupdel logstash || true
fi
