#!/bin/bash
# dnf forgets the excludes of an earlier line of dnf.conf when a later one names some too, and says nothing.
#
# dnf 4.14.0 with libdnf 0.69.0 (Debian 12). dnf.conf(5) calls excludepkgs a list, and --exclude on the command line as well as --setopt add to it; but of two
# lines excludepkgs= in one [main] only the last is kept, and a second section [main] at the end of the file replaces the first one's list likewise.
# Yet exclude=, the older name of the same option, is a list of its own: exclude=a and excludepkgs=b add up. So whoever appends a line to the file, as scripts do, takes
# the admin's own excludes away. (dnf5 5.4.6 keeps its own drop-in files in /etc/dnf/libdnf5.conf.d, whose lists it adds up.)
#
# Seen:  one line: nothing    two lines: a    two sections: a    exclude and excludepkgs: nothing    one line and --exclude: nothing
set -eu
need() { [ "$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null)" = "$2" ] || apt-get install -y --no-install-recommends "$1=$2" >&2 || { echo "cannot install $1=$2"; exit 2; }; }
changed() { echo "CHANGED: $*"; exit 1; }
need rpm 4.18.0+dfsg-1+deb12u1
need libdnf2 0.69.0-2
need dnf 4.14.0-3+deb12u1
need createrepo-c 0.17.3-2
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'rm -rf "$work"' EXIT; cd "$work"
for version in 1 2; do
	for name in a b; do
		printf 'Name: %s\nVersion: %s\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\nAutoReqProv: no\n%%description\nx\n%%files\n' "$name" "$version" >spec
		rpmbuild -bb --quiet --define "_topdir $work/top" --define "_rpmdir $work/$version" --define '_build_name_fmt %{NAME}.rpm' spec >log 2>&1 || { cat log; exit 2; }
	done
done
createrepo_c -q 2
mkdir -p root/var/lib/rpm
rpm --root "$work/root" -i 1/a.rpm 1/b.rpm 2>/dev/null
# updates CONFIGURATION [OPTION...]: the packages that dnf would update, in one line.
updates() {
	printf '%b' "$1" >conf; shift
	{ dnf -c "$work/conf" --installroot "$work/root" --releasever 1 --setopt reposdir=/nonexistent --setopt cachedir="$work/cache" --setopt plugins=0 \
		--repofrompath "new,file://$work/2" --repo new "$@" check-update -q 2>&1 || true; } | awk '$2 == "2-1" { sub(/\.noarch/, "", $1); printf "%s%s", sep, $1; sep = " " }'
}
one=$(updates '[main]\nexcludepkgs=a,b\n'); two=$(updates '[main]\nexcludepkgs=a\nexcludepkgs=b\n'); sections=$(updates '[main]\nexcludepkgs=a\n[main]\nexcludepkgs=b\n')
names=$(updates '[main]\nexclude=a\nexcludepkgs=b\n'); option=$(updates '[main]\nexcludepkgs=a\n' --exclude b); none=$(updates '[main]\n')
printf '%s\n' "no line: ${none:-nothing}" "one line: ${one:-nothing}" "two lines: ${two:-nothing}" "two sections: ${sections:-nothing}" "exclude and excludepkgs: ${names:-nothing}" "one line and --exclude: ${option:-nothing}"
[ "$none" = "a b" ] || changed "without excludes"
[ -z "$one" ] || changed "one line"
[ "$two" = a ] || changed "two lines"
[ "$sections" = a ] || changed "two sections"
[ -z "$names" ] || changed "the option by two names"
[ -z "$option" ] || changed "the option of the command line"
echo "as described"
