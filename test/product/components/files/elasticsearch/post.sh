if [ -f /etc/sysconfig/elasticsearch ]; then
	. /etc/sysconfig/elasticsearch
else
	echo "Unable to source environment file /etc/sysconfig/elasticsearch" >&2
fi
case "$1" in
1)
	echo "### NOT starting on installation, please execute the following statements to configure elasticsearch service to start automatically using systemd"
	echo " sudo systemctl daemon-reload"
	echo " sudo systemctl enable elasticsearch.service"
	;;
2)
	if [ "$RESTART_ON_UPGRADE" = true ]; then
		systemctl daemon-reload
		systemctl restart elasticsearch.service || true
	fi
	;;
*)
	echo "post install script called with unknown argument \`$1'" >&2
	exit 1
	;;
esac
