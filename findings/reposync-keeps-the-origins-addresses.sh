#!/bin/bash
# reposync brings packages and metadata into a folder that together are no copy: dnf that is pointed there goes to the origin.
#
# dnf-plugins-core 4.3.1 with dnf 4.14.0 (Debian 12). Where a package's place in the metadata has a base (xml:base, createrepo_c --baseurl), reposync --download-metadata fetches the
# package from there and puts it where its relative name says; the metadata, which may be signed, it cannot change. dnf believes the base before the address of the
# repository: the package that lies beside the metadata is not read. (Where the place leads up, "../x.rpm", reposync refuses the repository as a whole.)
#
# Seen:  in the copy: repodata p-1-1.noarch.rpm    from the copy, origin gone: exit 1, asks the origin: yes    a place that leads up: exit 1, outside of download path
set -eu
need() { [ "$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null)" = "$2" ] || apt-get install -y --no-install-recommends "$1=$2" >&2 || { echo "cannot install $1=$2"; exit 2; }; }
changed() { echo "CHANGED: $*"; exit 1; }
need rpm 4.18.0+dfsg-1+deb12u1
need libdnf2 0.69.0-2
need dnf 4.14.0-3+deb12u1
need dnf-plugins-core 4.3.1-3
need createrepo-c 0.17.3-2
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'rm -rf "$work"' EXIT; cd "$work"
printf 'Name: p\nVersion: 1\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\nAutoReqProv: no\n%%description\nx\n%%files\n' >spec
mkdir -p origin/one origin/up/inner root
rpmbuild -bb --quiet --define "_topdir $work/top" --define "_rpmdir $work/origin/one" --define '_build_name_fmt p-1-1.noarch.rpm' spec >log 2>&1 || { cat log; exit 2; }
createrepo_c -q --baseurl "file://$work/origin/one" origin/one
cp origin/one/*.rpm origin/up/
createrepo_c -q origin/up && mv origin/up/repodata origin/up/inner/
# The place is given a way up by hand, as a repository has it that shares its packages with others.
(cd origin/up/inner/repodata && for f in *-primary.xml.gz; do gzip -dc "$f" | sed 's|href="p-1|href="../p-1|' >primary.xml; done && rm -- *.gz *.sqlite* repomd.xml 2>/dev/null
	printf '<?xml version="1.0"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo"><data type="primary"><checksum type="sha256">%s</checksum><location href="repodata/primary.xml"/></data></repomd>\n' \
		"$(sha256sum primary.xml | cut -d' ' -f1)" >repomd.xml)
: >conf
of() { dnf -c "$work/conf" --installroot "$work/root" --releasever 1 --setopt reposdir=/nonexistent --setopt cachedir="$work/cache$((n++))" --setopt pluginpath=/usr/lib/python3/dist-packages/dnf-plugins -y "$@"; }
n=0
of reposync --repofrompath "one,file://$work/origin/one" --repoid one --download-metadata -p "$work/copies" >log 2>&1 || { cat log; exit 2; }
have=$(cd copies/one && echo repodata *.rpm)
code=0; of reposync --repofrompath "up,file://$work/origin/up/inner" --repoid up --download-metadata -p "$work/copies" >log 2>&1 || code=$?
up=$(grep -o 'outside of download path' log | head -1 || true)
mv origin gone
from=0; of install --repofrompath "copy,file://$work/copies/one" --repoid copy --nogpgcheck --downloadonly p >log 2>&1 || from=$?
asked=no; grep -q "$work/origin/one/p-1-1.noarch.rpm" log && asked=yes
echo "in the copy: $have    from the copy, origin gone: exit $from, asks the origin: $asked    a place that leads up: exit $code, $up"
[ "$have" = "repodata p-1-1.noarch.rpm" ] && [ -e copies/one/repodata/repomd.xml ] || changed "what reposync brings"
[ "$from $asked" = "1 yes" ] || changed "dnf takes the package from the copy"
[ "$code" != 0 ] && [ -n "$up" ] || changed "a place that leads up"
echo "as described"
