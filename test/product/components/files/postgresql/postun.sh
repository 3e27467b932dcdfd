systemctl daemon-reload >/dev/null 2>&1 || true
if [ "$1" -ge 1 ]; then
	systemctl try-restart postgresql-9.5.service >/dev/null 2>&1 || true
fi
