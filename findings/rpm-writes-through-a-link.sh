#!/bin/bash
# rpm installs a file through a symbolic link of the old package, removes the link, and says that all is well.
#
# rpm 4.18.0 (Debian 12). Version 1 of a package has the folder t1 and the link t -> t1. Version 2 has the file t/b and does not list the
# folder t. rpm -U writes t/b while t is still the old link, so the file lands in t1; then it removes the link, which version 2 does not have.
# Exit code 0, no word on the way, and the package's only file is not where the package says. (When version 2 lists the folder t, rpm refuses.)
#
# Seen:  rpm -U exits with 0, rpm -V then says:  missing     /opt/t/b  - and the file is /opt/t1/b
set -eu
need() { [ "$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null)" = "$2" ] || apt-get install -y --no-install-recommends "$1=$2" >&2 || { echo "cannot install $1=$2"; exit 2; }; }
changed() { echo "CHANGED: $*"; exit 1; }
need rpm 4.18.0+dfsg-1+deb12u1
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'rm -rf "$work"' EXIT; cd "$work"
# build NAME VERSION [INSTALL] [FILES] [SECTIONS] [PREAMBLE]: makes NAME-VERSION.rpm; scriptlets are in rpm's own Lua, so that the root needs no shell.
build() {
	printf 'Name: %s\nVersion: %s\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\nAutoReqProv: no\n%s\n%%description\nx\n%%install\nmkdir -p %%{buildroot}/opt; cd %%{buildroot}/opt\n%s\n%s\n%%files\n%s\n' \
		"$1" "$2" "${6:-}" "${3:-}" "${5:-}" "${4:-}" >"$1.spec"
	rpmbuild -bb --quiet --define "_topdir $work/top" --define "_rpmdir $work" --define "_build_name_fmt %%{NAME}-%%{VERSION}.rpm" "$1.spec" >log 2>&1 || { cat log; exit 2; }
}
# in_root ARGUMENTS: rpm in the root, with what it says on one output; its exit code is kept.
in_root() {
	local out code=0
	out=$(rpm --root "$work/root" "$@" 2>&1) || code=$?
	grep -v -e '^$' -e 'should not be used directly' -e 'assuming you know' <<<"$out" || true
	return "$code"
}
build p 1 'mkdir t1; echo a >t1/a; ln -s t1 t' '/opt/t1
/opt/t'
build p 2 'mkdir t; echo b >t/b' /opt/t/b
in_root -i p-1.rpm
in_root -U p-2.rpm || changed "rpm refuses it now"
ls -lR root/opt
in_root -V p && changed "rpm -V finds all files"
[ ! -e root/opt/t ] && [ "$(cat root/opt/t1/b)" = b ] || changed "the file is somewhere else"
echo "as described: exit code 0, and /opt/t/b is not there"
