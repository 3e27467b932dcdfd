#!/bin/sh
# Installs what `make test` needs on a Debian 12 machine, as root, and only what
# lacks. It says nothing and takes no time when nothing lacks.
set -eu

# package: what it is for
needed="
chromium          # looks at the download page
cpio              # unpacking a bundle without installing it
createrepo-c      # the reference for our repository metadata
curl
dnf
dnf-plugins-core # copies a repository as a customer does
e2fsprogs         # a disk for the power cut
git               # applies the patch that makes another release of the demo product
gpg               # looks at keys as a customer does
gpg-agent         # makes keys for the tests
iproute2
iptables         # rules for kernels without TPROXY of nftables
man-db            # judges our man page
maven             # fetches the server programs of an old PostgreSQL, and Elasticsearch
mmdebstrap        # the test machine's root
nginx-light
openssh-client    # reaches a machine that certifies a bundle
openjdk-17-jre-headless # runs Elasticsearch
postgresql-15     # a server for the database tests; no cluster of its own is made
procps
python3-venv      # for aws, beside which publishing is measured
rpm
rpmlint
strace
systemd-container # systemd-nspawn
unzip             # what maven fetches
util-linux        # nsenter, flock
xz-utils          # and what is in it
"

lacking() {
	echo "$needed" | sed 's/#.*//' | while read -r package; do
		[ -n "$package" ] || continue
		# nginx-light or any other nginx will do
		case $package in nginx-light) [ ! -x /usr/sbin/nginx ] || continue ;; esac
		dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || echo "$package"
	done
}

packages=$(lacking)
[ -n "$packages" ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "install.sh: these packages lack, and only root can install them:" $packages >&2
	exit 1
fi
if ! command -v apt-get >/dev/null; then
	echo "install.sh: this is no Debian; install by hand what these packages have:" $packages >&2
	exit 1
fi
echo "installing:" $packages
export DEBIAN_FRONTEND=noninteractive

# PostgreSQL's server without a cluster, nginx without a running one, whether or not
# systemd runs this machine.
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
	mkdir -p /etc/postgresql-common
	echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
fi
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' > $policy
	chmod 755 $policy
	trap 'rm -f $policy' EXIT
fi

# shellcheck disable=SC2086 # one word each
install() {
	apt-get update -q && apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold $packages
}
log=$(mktemp)
for try in 1 2 3 4 5; do # a fresh machine may be at its own updates, and networks fail
	! install >"$log" 2>&1 || break
	cat "$log" >&2
	[ $try != 5 ] || { rm -f "$log"; echo "install.sh: apt-get could not install:" $packages >&2; exit 1; }
	sleep 20
done
rm -f "$log"
