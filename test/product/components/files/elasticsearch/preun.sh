if [ -f /etc/sysconfig/elasticsearch ]; then
	. /etc/sysconfig/elasticsearch
else
	echo "Unable to source environment file /etc/sysconfig/elasticsearch" >&2
fi
case "$1" in
0)
	systemctl --no-reload stop elasticsearch.service >/dev/null 2>&1 || true
	;;
1)
	;;
*)
	echo "pre remove script called with unknown argument \`$1'" >&2
	exit 1
	;;
esac
