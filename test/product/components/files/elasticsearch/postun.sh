case "$1" in
0)
	;;
2)
	exit 0
	;;
*)
	echo "post remove script called with unknown argument \`$1'" >&2
	exit 1
	;;
esac
if [ -f /etc/sysconfig/elasticsearch ]; then
	. /etc/sysconfig/elasticsearch
else
	echo "Unable to source environment file /etc/sysconfig/elasticsearch" >&2
fi
systemctl --no-reload disable elasticsearch.service >/dev/null 2>&1 || true
for dir in "${LOG_DIR:-/var/log/elasticsearch}" "${WORK_DIR:-/tmp/elasticsearch}" "${PLUGINS_DIR:-/usr/share/elasticsearch/plugins}" "${PID_DIR:-/var/run/elasticsearch}"; do
	if [ -d "$dir" ]; then
		rm -rf "$dir"
	fi
done
dir=${DATA_DIR:-/var/lib/elasticsearch}
if [ -d "$dir" ]; then
	rmdir --ignore-fail-on-non-empty "$dir"
fi
if id elasticsearch >/dev/null 2>&1; then
	userdel elasticsearch
fi
if getent group elasticsearch >/dev/null; then
	groupdel elasticsearch
fi
