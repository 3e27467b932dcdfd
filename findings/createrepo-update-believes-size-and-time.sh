#!/bin/bash
# createrepo_c --update publishes the checksum of a file that is no longer there, when the new one has the same size and time.
#
# createrepo_c 0.17.3 (Debian 12). A package is built again with another Summary of the same length: the file has the same size. Builds that clamp times
# (SOURCE_DATE_EPOCH), rsync -t and cp -p give it the same time too. --update then takes the entry over, Summary and SHA-256 of the old file; every client that
# downloads the package refuses it. Without --update the entry is right.
#
# Seen:  after --update the list names the old SHA-256; sha256sum of the file is another; without --update they agree
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
build p 1; cp p-1.rpm repo/p.rpm; touch -d @1700000000 repo/p.rpm
listed() { zcat repo/repodata/*-primary.xml.gz | sed -n 's/.*pkgid="YES">\([0-9a-f]*\).*/\1/p'; }
actual() { sha256sum repo/p.rpm | cut -d' ' -f1; }
createrepo_c -q repo
[ "$(listed)" = "$(actual)" ] || changed "the first list is wrong"
sed -i 's/^Summary: x/Summary: y/' p.spec
rpmbuild -bb --quiet --define "_topdir $work/top" --define "_rpmdir $work" --define "_build_name_fmt %%{NAME}-%%{VERSION}.rpm" p.spec >log 2>&1
[ "$(stat -c %s p-1.rpm)" = "$(stat -c %s repo/p.rpm)" ] || { echo "the two builds differ in size: nothing to see"; exit 2; }
cp p-1.rpm repo/p.rpm; touch -d @1700000000 repo/p.rpm
createrepo_c -q --update repo
echo "listed $(listed)"; echo "actual $(actual)"
[ "$(listed)" != "$(actual)" ] || changed "--update sees that the file is another"
createrepo_c -q repo
[ "$(listed)" = "$(actual)" ] || changed "without --update the list is wrong too"
echo "as described"
