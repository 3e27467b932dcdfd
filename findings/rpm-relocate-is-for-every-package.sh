#!/bin/bash
# Two relocatable packages cannot be relocated in one transaction, though each may be in its own.
#
# rpm 4.18.0 (Debian 12). Packages a (Prefix /opt/a) and b (Prefix /opt/b) are to go to /data. Each --relocate holds for all packages of the command, and a
# package that has not the prefix is an error: one option refuses the other package, both options refuse both. Packages that need each other, and so must be in
# one transaction, cannot be moved. Only --badreloc lets it through: then what a package has not is passed over - also when it is a slip of the pen.
#
# Seen:  --relocate /opt/a=/data/a a-1.rpm b-1.rpm:  path /opt/a in package b-1-1.noarch is not relocatable, exit code 2 (both options: the same for each)
#        with --badreloc: 0, a in /data/a, b in /opt/b;   with --badreloc and a path of neither: 0, nothing is moved
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
for p in a b; do build $p 1 "mkdir $p; echo 1 >$p/f" /opt/$p '' "Prefix: /opt/$p"; done
a='--relocate /opt/a=/data/a'; b='--relocate /opt/b=/data/b'
# refused OPTIONS PACKAGES...: nothing is installed, and each package is complained about
refused() {
	local options=$1 code=0; shift
	# shellcheck disable=SC2086 # several words
	out=$(in_root -i $options a-1.rpm b-1.rpm) || code=$?
	echo "$out"
	[ $code != 0 ] || changed "$options is done"
	for p; do grep -q "in package $p-1-1.noarch is not relocatable" <<<"$out" || changed "$options does not complain about $p"; done
	[ -z "$(in_root -qa)" ] || changed "$options installs something"
}
refused "$a" b
refused "$a $b" a b
# shellcheck disable=SC2086 # two words
in_root -i $a a-1.rpm && [ -e root/data/a/f ] || changed "a alone cannot be relocated"
rm -rf root
# shellcheck disable=SC2086
in_root -i --badreloc $a a-1.rpm b-1.rpm || changed "--badreloc does not let it through"
[ -e root/data/a/f ] && [ -e root/opt/b/f ] || changed "with --badreloc the files are elsewhere"
rm -rf root
in_root -i --badreloc --relocate /opt/c=/data/c a-1.rpm b-1.rpm || changed "--badreloc refuses a path of no package"
[ -e root/opt/a/f ] && [ -e root/opt/b/f ] || changed "with a path of no package something is moved"
echo "as described"
