#!/bin/bash
# A package that was installed elsewhere need not say so in INSTPREFIXES, and the next upgrade puts it back without a word.
#
# rpm 4.18.0 (Debian 12). Where a package stands that was relocated is asked with %{INSTPREFIXES}. A package without Prefix can be relocated too, with
# --badreloc: it has no PREFIXES, and gets no INSTPREFIXES; only ORIGDIRNAMES, which is there for relocated packages alone, tells where the files would have
# been. rpm -V is content. A plain rpm -U to the next version, of a relocatable package as well, forgets the relocation: the files move back, exit code 0.
#
# Seen:  without Prefix, --badreloc --relocate /opt/n=/data/n:  PREFIXES and INSTPREFIXES empty, ORIGDIRNAMES /opt/:/opt/n/:   files /data/n/f
#        with Prefix /opt/a, --relocate /opt/a=/data/a:         INSTPREFIXES /data/a;   after rpm -U of the next version:  /opt/a/f, and no ORIGDIRNAMES
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
for v in 1 2; do
	build n $v 'mkdir n; echo 1 >n/f' /opt/n
	build a $v 'mkdir a; echo 1 >a/f' /opt/a '' 'Prefix: /opt/a'
done
told() { in_root -q --qf "[%{$2}:]" "$1"; }
in_root -i --badreloc --relocate /opt/n=/data/n n-1.rpm
in_root -i --relocate /opt/a=/data/a a-1.rpm
for p in n a; do
	echo "$p: PREFIXES $(told $p PREFIXES) INSTPREFIXES $(told $p INSTPREFIXES) ORIGDIRNAMES $(told $p ORIGDIRNAMES)"
	[ -e root/data/$p/f ] && [ ! -e root/opt/$p ] || changed "$p is not where it was told to be"
	in_root -V $p || changed "rpm -V of $p is not content"
	[ -n "$(told $p ORIGDIRNAMES)" ] || changed "$p has no ORIGDIRNAMES"
done
[ "$(told a INSTPREFIXES)" = /data/a: ] || changed "a relocatable package has no INSTPREFIXES"
[ -z "$(told n INSTPREFIXES)$(told n PREFIXES)" ] || changed "--badreloc notes a prefix"
out=$(in_root -U n-2.rpm a-2.rpm) || changed "the upgrade fails: $out"
[ -z "$out" ] || changed "the upgrade says: $out"
for p in n a; do
	echo "$p-2: $(in_root -ql $p | tr '\n' ' ')"
	[ -e root/opt/$p/f ] && [ ! -e root/data/$p/f ] || changed "$p stays where it was relocated to"
	[ -z "$(told $p ORIGDIRNAMES)" ] || changed "$p-2 has ORIGDIRNAMES"
done
echo "as described"
