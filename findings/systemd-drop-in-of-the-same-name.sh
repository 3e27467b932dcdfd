#!/bin/bash
# A drop-in for all services is replaced, not extended, by any drop-in with the same file name in a more specific folder.
#
# systemd 252 (Debian 12). service.d/10-guard.conf holds for every service. A product that brings app-.service.d/10-guard.conf, for all units whose name begins
# with app-, or app-x.service.d/10-guard.conf, takes the first file away from its units as a whole: file names are compared, not settings. Which one counts goes by
# how much of the name the folder has, and only then by /etc before /run before /usr/lib: so a file in /usr/lib can replace one in /etc.
#
# Seen:  by service.d: not met.   with app-.service.d/10-guard.conf that only has a Description, in a folder of lower priority: met
set -eu
need() { [ "$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null)" = "$2" ] || apt-get install -y --no-install-recommends "$1=$2" >&2 || { echo "cannot install $1=$2"; exit 2; }; }
changed() { echo "CHANGED: $*"; exit 1; }
need systemd 252.39-1~deb12u2
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
# met UNIT: whether the unit would start, by its conditions; nothing is started.
met() { systemd-analyze condition --unit="$1"; }
mkdir -p etc/service.d usr/app-.service.d
export SYSTEMD_UNIT_PATH=$work/etc:$work/usr
printf '[Service]\nExecStart=/bin/true\n' >usr/app-x.service
printf '[Unit]\nConditionPathExists=/nowhere\n' >etc/service.d/10-guard.conf
met app-x.service && changed "a drop-in for all services does not hold"
printf '[Unit]\nDescription=of the product\n' >usr/app-.service.d/10-guard.conf
met app-x.service || changed "both files count"
mv usr/app-.service.d/10-guard.conf usr/app-.service.d/11-guard.conf
met app-x.service && changed "under another name the guard does not hold"
echo "as described: the same name replaces the file, another name does not"
