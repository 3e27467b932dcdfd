#!/bin/bash
# A file that rpm left out is listed and verified as good, and does not satisfy a Requires - and what somebody puts in its place is lost to the next upgrade.
#
# rpm 4.18.0 (Debian 12). With --excludedocs, or %_install_langs set, files are not written. rpm -ql and rpm -q --path list them, rpm -V says nothing and exits
# with 0; yet a package that requires the path is refused. Only %{FILESTATES} (or rpm -qs) tells: 2, not installed. A %ghost that is not there has state 0,
# normal. The choice is not kept: the next rpm -U, without the option, writes them. What an administrator has put in the place meanwhile is overwritten without
# .rpmsave; rpm -e leaves it alone while the state is 2.
#
# Seen:  /opt/d/de 0   /opt/d/doc 2   /opt/d/f 0   /opt/d/fr 2   /opt/d/ghost 0,   rpm -V: 0 and no output
#        /opt/d/doc is needed by needs-1-1.noarch   while rpm -q --path /opt/d/doc says d-1-1.noarch;   after the upgrade /opt/d/doc is the package's
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
	build d $v 'mkdir d; for i in f doc de fr ghost; do echo $i >d/$i; done' '/opt/d/f
%doc /opt/d/doc
%lang(de) /opt/d/de
%lang(fr) /opt/d/fr
%ghost /opt/d/ghost'
done
states() { in_root -q --qf '[%{FILENAMES} %{FILESTATES}\n]' d; }
left_out() { in_root -i --excludedocs --define '_install_langs de' d-1.rpm; }
left_out; states
[ "$(states | tr '\n' ' ')" = "/opt/d/de 0 /opt/d/doc 2 /opt/d/f 0 /opt/d/fr 2 /opt/d/ghost 0 " ] || changed "the states"
[ "$(cd root/opt/d && echo *)" = "de f" ] || changed "there are: $(cd root/opt/d && echo *)"
[ "$(in_root -ql d | wc -l)" = 5 ] || changed "rpm -ql does not list them all"
out=$(in_root -V d) && [ -z "$out" ] || changed "rpm -V says: $out"
[ "$(in_root -q --path /opt/d/doc)" = d-1-1.noarch ] || changed "rpm -q --path does not list a file that was left out"
build needs 1 '' '' '' 'Requires: /opt/d/doc'
out=$(in_root -i --test needs-1.rpm) && changed "a file that was left out satisfies a Requires"
echo "$out"
echo mine >root/opt/d/doc
out=$(in_root -V d) && [ -z "$out" ] || changed "rpm -V sees what somebody else put there: $out"
in_root -e d
[ "$(cat root/opt/d/doc)" = mine ] || changed "rpm -e removes what it did not write"
left_out
[ "$(cat root/opt/d/doc)" = mine ] || changed "the file is written in spite of --excludedocs"
in_root -U d-2.rpm
in_root -i --test needs-1.rpm || changed "a file that is there does not satisfy a Requires"
[ "$(cat root/opt/d/doc)" = doc ] && [ -e root/opt/d/fr ] || changed "the choice is kept by the next upgrade"
[ "$(cd root/opt/d && echo *)" = "de doc f fr" ] || changed "there are: $(cd root/opt/d && echo *)"
echo "as described"
