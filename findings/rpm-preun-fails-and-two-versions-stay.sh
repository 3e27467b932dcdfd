#!/bin/bash
# When the old package's %preun fails in an upgrade, both versions stay installed, and repeating the upgrade does not mend it.
#
# rpm 4.18.0 (Debian 12). The new files are in place when the old %preun fails; rpm only leaves out the erasure. The database then lists two versions of
# one package. rpm -U of the new version again, with --replacepkgs, calls the old %preun again. Only --nopreun (or --noscripts) ends it.
#
# Seen:  error: p-1-1.noarch: erase failed   exit code 1   rpm -q p: p-1-1.noarch p-2-1.noarch   - twice; with --nopreun p-2-1.noarch alone
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
build p 1 '' '' '%preun -p <lua>
error("no")'
build p 2
versions() { in_root -q p | tr '\n' ' '; }
in_root -i p-1.rpm
in_root -U p-2.rpm && changed "rpm exits with 0"
[ "$(versions)" = "p-1-1.noarch p-2-1.noarch " ] || changed "installed is: $(versions)"
in_root -U --replacepkgs p-2.rpm && changed "the second time rpm exits with 0"
[ "$(versions)" = "p-1-1.noarch p-2-1.noarch " ] || changed "after the second time installed is: $(versions)"
in_root -U --replacepkgs --nopreun p-2.rpm
[ "$(versions)" = "p-2-1.noarch " ] || changed "with --nopreun installed is: $(versions)"
echo "as described"
