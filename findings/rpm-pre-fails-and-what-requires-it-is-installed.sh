#!/bin/bash
# When a package fails in %pre, the packages that require it are installed all the same, in the same transaction.
#
# rpm 4.18.0 (Debian 12). b requires a; both are given to one rpm -i. a fails in %pre and is not installed. rpm had checked the dependencies before,
# and does not look again: b is installed without a. Exit code 2 tells that something failed, not that the machine is now inconsistent.
#
# Seen:  error: a-1-1.noarch: install failed   exit code 2   rpm -qa: b-1-1.noarch   rpm -Va: Unsatisfied dependencies for b-1-1.noarch: a is needed
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
build a 1 '' '' '%pre -p <lua>
error("no")'
build b 1 '' '' '' 'Requires: a'
in_root -i a-1.rpm b-1.rpm && changed "rpm exits with 0"
in_root -q a && changed "a is installed"
in_root -q b || changed "b is not installed"
out=$(in_root -V b) && changed "rpm -V b finds nothing"
echo "$out"
case $out in *"Unsatisfied dependencies for b-1-1.noarch"*) ;; *) changed "rpm -V says something else" ;; esac
echo "as described: b is there without a"
