#!/bin/bash
# rpm is asked to install two packages, installs one, and exits with 0: the other is obsoleted by it.
#
# rpm 4.18.0 (Debian 12). b obsoletes a, and does not conflict with it. rpm -i a b installs b and drops a without a word, whatever the order. The same command for
# a alone, on a machine that has b, is an error. So a list of packages and an exit code of 0 do not say that the packages are installed.
#
# Seen:  rpm -i a-1.rpm b-1.rpm  exits with 0, rpm -qa: b-1-1.noarch.   rpm -i a-1.rpm:  a is obsoleted by (installed) b-1-1.noarch
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
build a 1
build b 1 '' '' '' 'Obsoletes: a'
for order in "a-1.rpm b-1.rpm" "b-1.rpm a-1.rpm"; do
	rm -rf root
	# shellcheck disable=SC2086 # two words
	out=$(in_root -i $order) || changed "rpm -i $order fails"
	[ -z "$out" ] || changed "rpm says: $out"
	[ "$(in_root -qa)" = b-1-1.noarch ] || changed "installed is: $(in_root -qa)"
done
out=$(in_root -i a-1.rpm) && changed "a can be installed beside b"
echo "$out"
case $out in *"a is obsoleted by (installed) b-1-1.noarch"*) ;; *) changed "it is refused with another reason" ;; esac
echo "as described: exit code 0, and a is not installed"
