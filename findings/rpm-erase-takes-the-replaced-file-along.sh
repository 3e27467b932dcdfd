#!/bin/bash
# rpm -e removes a file that another installed package still owns, when --replacefiles once settled the conflict.
#
# rpm 4.18.0 (Debian 12). x and y both bring /opt/shared, with other content. rpm -i --replacefiles y gives the file to y; x keeps it in its list, with the
# state "replaced", and rpm -V x exits with 0 although the content is not x's. rpm -e y removes the file. Nobody has it then, rpm -V x says it is missing and
# still "replaced", though who replaced it is gone. Two packages with the same content share the file, and it stays until the last is erased.
#
# Seen:  rpm -V x: ......... /opt/shared (replaced), 0.   after rpm -e y: missing /opt/shared (replaced), 1.   rpm -i --replacepkgs x brings it back, state normal
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
build x 1 'echo x >shared' /opt/shared
build y 1 'echo y >shared' /opt/shared
build z 1 'echo x >shared' /opt/shared
in_root -i x-1.rpm
in_root -i y-1.rpm && changed "there is no conflict"
in_root -i --replacefiles y-1.rpm
out=$(in_root -V x) || changed "rpm -V x fails: $out"
echo "$out"
[ "$(cat root/opt/shared)" = y ] || changed "--replacefiles keeps x's"
in_root -e y || changed "y cannot be erased"
[ ! -e root/opt/shared ] || changed "the file stays: $(cat root/opt/shared)"
[ "$(in_root -qs x)" = "replaced      /opt/shared" ] || changed "the state is: $(in_root -qs x)"
out=$(in_root -V x) && changed "rpm -V x is content without the file"
echo "$out"
in_root -i --replacepkgs x-1.rpm
[ "$(cat root/opt/shared)" = x ] && [ "$(in_root -qs x)" = "normal        /opt/shared" ] || changed "x again does not bring it back"
in_root -i z-1.rpm; in_root -e z
[ "$(cat root/opt/shared)" = x ] || changed "a file that is shared goes with one of its owners"
echo "as described"
