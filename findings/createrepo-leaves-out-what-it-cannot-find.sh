#!/bin/bash
# createrepo_c exits with 0, and with -q without a word, when a package of its list is not there: the repository lacks it.
#
# createrepo_c 0.17.3 (Debian 12). The packages of a release are given as a list (-i), and one of the files has not arrived yet. The list that is published has
# the others only, and is whole in itself; clients see a release without that package. An exit code of 2 has to be asked for, by --error-exit-val: the
# incomplete list is published all the same, in place of the one that was there.
#
# Seen:  -q -i list: 0, no output, p-1.rpm listed of p-1.rpm q-1.rpm.   without -q: Cannot read package: repo/q-1.rpm: Fopen failed, 0.
#        --error-exit-val: 2, p-1.rpm listed
set -eu
need() { [ "$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null)" = "$2" ] || apt-get install -y --no-install-recommends "$1=$2" >&2 || { echo "cannot install $1=$2"; exit 2; }; }
changed() { echo "CHANGED: $*"; exit 1; }
need rpm 4.18.0+dfsg-1+deb12u1
need createrepo-c 0.17.3-2
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'rm -rf "$work"' EXIT; cd "$work"
# build NAME VERSION [INSTALL] [FILES] [SECTIONS] [PREAMBLE]: makes NAME-VERSION.rpm; scriptlets are in rpm's own Lua, so that the root needs no shell.
build() {
	printf 'Name: %s\nVersion: %s\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\nAutoReqProv: no\n%s\n%%description\nx\n%%install\nmkdir -p %%{buildroot}/opt; cd %%{buildroot}/opt\n%s\n%s\n%%files\n%s\n' \
		"$1" "$2" "${6:-}" "${3:-}" "${5:-}" "${4:-}" >"$1.spec"
	rpmbuild -bb --quiet --define "_topdir $work/top" --define "_rpmdir $work" --define "_build_name_fmt %%{NAME}-%%{VERSION}.rpm" "$1.spec" >log 2>&1 || { cat log; exit 2; }
}
mkdir repo
build p 1; build q 1; mv p-1.rpm q-1.rpm repo
printf 'p-1.rpm\nq-1.rpm\n' >list
listed() { zcat repo/repodata/*-primary.xml.gz | sed -n 's/.*location href="\([^"]*\)".*/\1/p' | tr '\n' ' '; }
createrepo_c -q -i list repo
[ "$(listed)" = "p-1.rpm q-1.rpm " ] || changed "of two packages it lists $(listed)"
mv repo/q-1.rpm .
out=$(createrepo_c -q -i list repo 2>&1) || changed "a package that is not there is an error"
echo "-q: 0, says '$out', lists $(listed)"
[ -z "$out" ] || changed "-q says $out"
[ "$(listed)" = "p-1.rpm " ] || changed "-q lists $(listed)"
out=$(createrepo_c -i list repo 2>&1) || changed "without -q it is an error"
grep 'Cannot read package: repo/q-1.rpm' <<<"$out" || changed "without -q it does not say so: $out"
mv q-1.rpm repo; createrepo_c -q -i list repo; mv repo/q-1.rpm .
code=0; createrepo_c -q --error-exit-val -i list repo || code=$?
echo "--error-exit-val: $code, lists $(listed)"
[ $code = 2 ] || changed "--error-exit-val exits with $code"
[ "$(listed)" = "p-1.rpm " ] || changed "with --error-exit-val it lists $(listed)"
echo "as described"
