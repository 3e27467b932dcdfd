#!/bin/bash
# Two builds of one version in a repository: createrepo_c lists both without a word, and dnf installs the one whose file name sorts first.
#
# createrepo_c 0.17.3, dnf 4.14.0 (Debian 12). A package was built again without a new Release, and the first build is still in the folder under another file
# name. Both entries have the same name, version and architecture; no warning, not even without -q. dnf repoquery shows both; dnf install takes the first of the
# list, which is ordered by file name: renaming a file changes what is installed. What was built last has no part in it.
#
# Seen:  a.rpm (first) b.rpm (second): first is installed.   after mv a.rpm c.rpm: second is installed.   createrepo_c: 0, no warning
set -eu
need() { [ "$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null)" = "$2" ] || apt-get install -y --no-install-recommends "$1=$2" >&2 || { echo "cannot install $1=$2"; exit 2; }; }
changed() { echo "CHANGED: $*"; exit 1; }
need rpm 4.18.0+dfsg-1+deb12u1
need createrepo-c 0.17.3-2
need dnf 4.14.0-3+deb12u1
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'rm -rf "$work"' EXIT; cd "$work"
# build NAME VERSION [INSTALL] [FILES] [SECTIONS] [PREAMBLE]: makes NAME-VERSION.rpm; scriptlets are in rpm's own Lua, so that the root needs no shell.
build() {
	printf 'Name: %s\nVersion: %s\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\nAutoReqProv: no\n%s\n%%description\nx\n%%install\nmkdir -p %%{buildroot}/opt; cd %%{buildroot}/opt\n%s\n%s\n%%files\n%s\n' \
		"$1" "$2" "${6:-}" "${3:-}" "${5:-}" "${4:-}" >"$1.spec"
	rpmbuild -bb --quiet --define "_topdir $work/top" --define "_rpmdir $work" --define "_build_name_fmt %%{NAME}-%%{VERSION}.rpm" "$1.spec" >log 2>&1 || { cat log; exit 2; }
}
mkdir repo
for i in first second; do
	build p 1
	sed -i "s/^Summary: .*/Summary: $i/" p.spec
	rpmbuild -bb --quiet --define "_topdir $work/top" --define "_rpmdir $work" --define "_build_name_fmt $i.rpm" p.spec >log 2>&1 || { cat log; exit 2; }
done
mv first.rpm repo/a.rpm; mv second.rpm repo/b.rpm
# installed: which build a client gets that has seen nothing before
installed() {
	rm -rf client cache; mkdir client
	timeout 300 dnf -q -y --installroot="$work/client" --releasever=1 --setopt=reposdir=/nonexistent --setopt=cachedir="$work/cache" --setopt=gpgcheck=0 \
		--repofrompath="r,file://$work/repo" --repo=r install p >log 2>&1 || { cat log >&2; exit 2; }
	rpm --root "$work/client" -q --qf '%{SUMMARY}\n' p
}
out=$(createrepo_c repo 2>&1) || changed "createrepo_c refuses two builds of one version"
if grep -i -e warn -e duplic -e twice <<<"$out"; then changed "createrepo_c says so"; fi
[ "$(zcat repo/repodata/*-primary.xml.gz | grep -c '<location ')" = 2 ] || changed "createrepo_c lists one of them"
got=$(installed); echo "a.rpm (first) b.rpm (second): $got is installed"
[ "$got" = first ] || changed "the second is installed"
mv repo/a.rpm repo/c.rpm; createrepo_c -q repo
got=$(installed); echo "b.rpm (second) c.rpm (first): $got is installed"
[ "$got" = second ] || changed "the first is installed whatever its file name"
echo "as described"
