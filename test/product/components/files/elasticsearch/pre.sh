case "$1" in
1|2)
	getent group elasticsearch >/dev/null || groupadd -r elasticsearch
	id elasticsearch >/dev/null 2>&1 || useradd --system -M --gid elasticsearch --shell /sbin/nologin --comment "elasticsearch user" elasticsearch
	;;
*)
	echo "pre install script called with unknown argument \`$1'" >&2
	exit 1
	;;
esac
