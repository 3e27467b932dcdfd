#!/bin/bash
# mergerepo_c puts an empty list of advisories in place of those that the repositories have, and keeps the older version of a package when its repository is named first.
#
# createrepo_c 0.17.3, dnf 4.14.0 (Debian 12); 1.2.5 (PyPI) does the same. "--noupdateinfo" is "Do not merge updateinfo metadata", and without it "type updateinfo added to list" is
# printed: yet the merged updateinfo is <updates></updates>, whatever there was. dnf upgrade --security then finds nothing to do and succeeds. Of one name and architecture the default,
# --method=repo, takes what the first repository has, also when it is older; with --all or --method=nvr the newer package is there, its advisory is not. Exit code 0 each time.
#
# Seen:  by default: p-1 of p-1 and p-2    --all: p-1 p-2    each time 0 advisories of 1    dnf upgrade --security: of the repository itself p-2, of the merged one Nothing to do, 0
set -eu
need() { [ "$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null)" = "$2" ] || apt-get install -y --no-install-recommends "$1=$2" >&2 || { echo "cannot install $1=$2"; exit 2; }; }
changed() { echo "CHANGED: $*"; exit 1; }
need rpm 4.18.0+dfsg-1+deb12u1
need createrepo-c 0.17.3-2
need libdnf2 0.69.0-2
need dnf 4.14.0-3+deb12u1
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'rm -rf "$work"' EXIT; cd "$work"
for version in 1 2; do
	mkdir repo$version
	printf 'Name: p\nVersion: %s\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\nAutoReqProv: no\n%%description\nx\n%%files\n' $version >spec
	rpmbuild -bb --quiet --define "_topdir $work/top" --define "_rpmdir $work/repo$version" --define '_build_name_fmt %{NAME}-%{VERSION}.rpm' spec >log 2>&1 || { cat log; exit 2; }
	createrepo_c -q repo$version
done
cat >updateinfo.xml <<'END'
<?xml version="1.0" encoding="UTF-8"?>
<updates>
  <update from="security@example.org" status="final" type="security" version="1">
    <id>EXAMPLE-2026:1</id><title>p</title><issued date="2026-01-01 00:00:00"/><severity>Critical</severity><summary>p</summary><description>p</description><references/>
    <pkglist><collection short="c"><name>c</name>
      <package name="p" epoch="0" version="2" release="1" arch="noarch" src="p-2-1.src.rpm"><filename>p-2.rpm</filename></package>
    </collection></pkglist>
  </update>
</updates>
END
modifyrepo_c --mdtype=updateinfo updateinfo.xml repo2/repodata >log 2>&1 || { cat log; exit 2; }
mkdir -p root/var/lib/rpm; : >conf
rpm --root "$work/root" -i repo1/p-1.rpm 2>/dev/null
# merged OPTION...: the packages of the merged repository and the number of its advisories
merged() {
	rm -rf merged
	mergerepo_c -o merged "$@" --repo "$work/repo1" --repo "$work/repo2" >log 2>&1 || changed "mergerepo_c $*: exit code $?: $(cat log)"
	grep -q 'type updateinfo added to list' log || changed "it does not say that it reads the advisories: $(cat log)"
	echo "$(zcat merged/repodata/*-primary.xml.gz | sed -n 's/.* href="\(.*\)\.rpm".*/\1/p' | paste -sd' '), advisories: $(zcat merged/repodata/*-updateinfo.xml.gz | grep -c '<update ' || true)"
}
# security REPOSITORY: what dnf upgrade --security would do, and its exit code
security() {
	local code=0
	dnf -c "$work/conf" --installroot "$work/root" --releasever 1 --setopt reposdir=/nonexistent --setopt cachedir="$work/cache" --setopt plugins=0 \
		--repofrompath "r,file://$work/$1" --repo r upgrade --security --downloadonly -y --setopt r.gpgcheck=0 >log 2>&1 || code=$?
	echo "$(grep -o -e '^ p .*noarch *2-1' -e 'Nothing to do' log | tr -s ' ' | sed 's/^ //') ($code)"
}
default=$(merged); all=$(merged --all); nvr=$(merged --method nvr)
there=$(security repo2); gone=$(security merged)
printf '%s\n' "default: $default" "--all: $all" "--method nvr: $nvr" "security updates of the repository: $there" "of the merged one: $gone"
[ "$default" = 'p-1, advisories: 0' ] || changed "by default"
[ "$all" = 'p-1 p-2, advisories: 0' ] || changed "with --all"
[ "$nvr" = 'p-2, advisories: 0' ] || changed "with --method nvr"
[ "$there" = 'p noarch 2-1 (0)' ] || changed "security updates before: $there"
[ "$gone" = 'Nothing to do (0)' ] || changed "security updates of the merged repository"
echo "as described"
