#!/bin/bash
# A %pretrans, whatever it does, makes rpm --test say yes to a package that rpm then refuses.
#
# rpm 4.18.0 (Debian 12). A folder of version 1 is a symbolic link in version 2: rpm cannot do that, and --test says so. With a %pretrans in
# version 2 - it might move the folder away - rpm --test no longer compares the files with those of version 1, and exits with 0. It does not run the
# %pretrans either. Here it does nothing, so the real transaction fails as before. A trial by --test proves nothing for such a package.
#
# Seen:  without %pretrans:  --test 1 package refused, -U refused.    with an empty one:  --test exits 0, -U refused:
#        file /opt/t from install of p-2-1.noarch conflicts with file from package p-1-1.noarch
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
build p 1 'mkdir t; echo a >t/a' /opt/t
install='mkdir t2; echo a >t2/a; ln -s t2 t'
build p 2 "$install" '/opt/t
/opt/t2'
mv p-2.rpm plain.rpm
build p 2 "$install" '/opt/t
/opt/t2' '%pretrans -p <lua>
nothing = true'
in_root -i p-1.rpm
in_root -U --test plain.rpm && changed "--test takes the package without %pretrans"
in_root -U --test p-2.rpm || changed "--test refuses the package with a %pretrans too"
out=$(in_root -U p-2.rpm) && changed "rpm installs it"
echo "$out"
case $out in *"file /opt/t from install of p-2-1.noarch conflicts with file from package p-1-1.noarch"*) ;; *) changed "it fails with another reason" ;; esac
echo "as described: --test exits with 0, -U is refused"
