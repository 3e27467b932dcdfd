#!/bin/bash
# rpm -U --replacepkgs of the version that is installed runs that version's %preun and %postun, after its %post.
#
# rpm 4.18.0 (Debian 12). To "repair" a package one installs the same version again. rpm takes it for an upgrade from the version to itself: %pre and %post
# get 2, then the package's own %preun and %postun run with 1 - so what %post just made, a careless %postun takes away again. (rpm before 4.16 ran neither.)
#
# Seen:  pre 2, post 2, preun 1, postun 1, posttrans 2
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
scripts=
for kind in pre post preun postun posttrans; do scripts="$scripts
%$kind -p <lua>
print(\"$kind\", math.floor(arg[2]))"; done
build p 1 '' '' "$scripts"
in_root -i p-1.rpm >/dev/null
out=$(in_root -U --replacepkgs p-1.rpm | tr '\t\n' '  ' | tr -s ' ')
echo "$out"
[ "$out" = "pre 2 post 2 preun 1 postun 1 posttrans 2 " ] || changed "another order, or other arguments"
echo "as described"
