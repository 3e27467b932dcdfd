package rpmfile_test

import (
	"os"
	"path/filepath"
	"testing"

	"onerpm/test/samplerpm"
)

const spec = `
%global _build_id_links none
Name: built
Epoch: 1
Version: 1.0~rc1
Release: 3%{?dist}
Summary: Made by rpmbuild
License: Apache-2.0
BuildArch: noarch
Requires: bash >= 4, (grep or sed)
Requires(post): coreutils
Provides: virtual = 7
Obsoletes: ancient < 2
Conflicts: enemy
AutoReqProv: no
%description
Made by rpmbuild.
%install
mkdir -p %{buildroot}/opt/built/sub %{buildroot}/etc
echo content > %{buildroot}/opt/built/sub/file
ln %{buildroot}/opt/built/sub/file %{buildroot}/opt/built/hard
ln -s sub/file %{buildroot}/opt/built/link
echo key=1 > %{buildroot}/etc/built.conf
%pre -p <lua>
print("pre")
%post -p /sbin/ldconfig
%postun
echo "$1"
%posttrans
true
%triggerin -- bash
true
%files
%dir %attr(2750,root,adm) /opt/built
/opt/built/sub
%attr(4755,root,root) /opt/built/hard
/opt/built/link
%config(noreplace) /etc/built.conf
%ghost /opt/built/ghost
`

// built returns a package made by rpmbuild.
func built(t testing.TB) []byte { return samplerpm.Read(t, samplerpm.Built(t, spec, "w1.gzdio")) }

// save writes a package to a file for rpm to read.
func save(t testing.TB, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "p.rpm")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
