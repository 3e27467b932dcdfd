if [ "$1" -eq 1 ]; then
	systemctl daemon-reload >/dev/null 2>&1 || true
fi
