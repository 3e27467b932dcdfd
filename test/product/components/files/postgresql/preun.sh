if [ "$1" -eq 0 ]; then
	systemctl --no-reload disable postgresql-9.5.service >/dev/null 2>&1 || true
	systemctl stop postgresql-9.5.service >/dev/null 2>&1 || true
fi
