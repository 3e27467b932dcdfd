#!/bin/bash
# A condition with two paths, or with a remark behind it, is about a file that nobody has - and systemd-analyze verify is content.
#
# systemd 252 (Debian 12). Many settings take a list. ConditionPathExists= takes the rest of the line for one path, blanks and all: a guard "!/run/a /run/b" is
# always met, and so is "!/run/a # while it is there", and "!/run/a*" outside ConditionPathExistsGlob=. No warning, not even by verify --recursive-errors=yes,
# which does fail for a path in quotes: that is "not absolute, ignoring", and met as well. Without that option verify exits with 0 for the quotes too.
#
# Seen:  !/etc/passwd: failed.   !/etc/passwd /etc/group: succeeded   !/etc/passwd # remark: succeeded   !/etc/pass*: succeeded   verify: 0 for each
#        !"/etc/passwd": path is not absolute, ignoring - met;  verify 0, verify --recursive-errors=yes 1
set -eu
need() { [ "$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null)" = "$2" ] || apt-get install -y --no-install-recommends "$1=$2" >&2 || { echo "cannot install $1=$2"; exit 2; }; }
changed() { echo "CHANGED: $*"; exit 1; }
need systemd 252.39-1~deb12u2
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'rm -rf "$work"' EXIT; cd "$work"
export SYSTEMD_UNIT_PATH=$work:/lib/systemd/system
# guard VALUE MET VERIFIED: the unit's one condition, whether it would start, and what verify says with the option
guard() {
	local met=0 verified=0
	printf '[Unit]\nConditionPathExists=%s\n[Service]\nExecStart=/bin/true\n' "$1" >g.service
	systemd-analyze condition --unit=g.service || met=$?
	timeout 60 systemd-analyze --man=no --recursive-errors=yes verify ./g.service >log 2>&1 || verified=$?
	echo "$1 -> $met, verify $verified"
	[ $met = "$2" ] || changed "$1: condition says $met"
	[ $verified = "$3" ] || changed "$1: verify says $verified: $(cat log)"
}
guard '!/etc/passwd' 1 0
guard '!/etc/passwd /etc/group' 0 0
guard '!/etc/passwd # while it is there' 0 0
guard '!/etc/pass*' 0 0
guard '!"/etc/passwd"' 0 1
timeout 60 systemd-analyze --man=no verify ./g.service || changed "verify fails without --recursive-errors"
echo "as described"
