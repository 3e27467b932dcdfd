#!/bin/bash
# dnf takes a file for installed when a package of its name and version is, whatever is in it, and succeeds.
#
# dnf 4.14.0 with libdnf 0.69.0 (Debian 12). `dnf install FILE` of a package that was built again, with the same name, epoch, version, release and architecture and other
# contents, says "already installed", "Nothing to do." and ends with exit code 0; the machine keeps the old contents. dnf.conf(5) and dnf(8) say nothing of it; `dnf reinstall FILE`
# does replace them. So neither the exit code nor the package's name and version tell which file is installed; the digest of the header, which rpm has of both, does.
#
# Seen:  dnf install: exit 0, Nothing to do.    contents: old    header: another    dnf reinstall: new
set -eu
need() { [ "$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null)" = "$2" ] || apt-get install -y --no-install-recommends "$1=$2" >&2 || { echo "cannot install $1=$2"; exit 2; }; }
changed() { echo "CHANGED: $*"; exit 1; }
need rpm 4.18.0+dfsg-1+deb12u1
need libdnf2 0.69.0-2
need dnf 4.14.0-3+deb12u1
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'rm -rf "$work"' EXIT; cd "$work"
for contents in old new; do
	printf 'Name: a\nVersion: 1\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\nAutoReqProv: no\n%%description\nx\n%%install\nmkdir -p %%{buildroot}/opt\necho %s >%%{buildroot}/opt/a\n%%files\n/opt/a\n' $contents >spec
	rpmbuild -bb --quiet --define "_topdir $work/top" --define "_rpmdir $work/$contents" --define '_build_name_fmt %{NAME}.rpm' spec >log 2>&1 || { cat log; exit 2; }
done
mkdir -p root/var/lib/rpm
: >conf
of() { dnf -c "$work/conf" --installroot "$work/root" --releasever 1 --setopt reposdir=/nonexistent --setopt cachedir="$work/cache" --setopt plugins=0 -y "$@"; }
of install "$work/old/a.rpm" >log 2>&1 || { cat log; exit 2; }
code=0; of install "$work/new/a.rpm" >log 2>&1 || code=$?
said=$(grep -o 'Nothing to do\.' log || true); contents=$(cat root/opt/a)
header=another; [ "$(rpm --root "$work/root" -q --qf '%{SHA1HEADER}' a)" != "$(rpm -qp --qf '%{SHA1HEADER}' new/a.rpm)" ] || header=same
of reinstall "$work/new/a.rpm" >log 2>&1 || { cat log; exit 2; }
again=$(cat root/opt/a)
echo "dnf install: exit $code, $said    contents: $contents    header: $header    dnf reinstall: $again"
[ "$code $said" = "0 Nothing to do." ] || changed "dnf install"
[ "$contents $header" = "old another" ] || changed "what is installed"
[ "$again" = new ] || changed "dnf reinstall"
echo "as described"
