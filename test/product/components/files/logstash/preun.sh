if [ "$1" -eq 0 ]; then
	systemctl stop logstash >/dev/null 2>&1 || true
	systemctl --no-reload disable logstash >/dev/null 2>&1 || true
fi
