package rpmfile_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/rpmpack"
)

// packed returns a small package made by rpmpack, which is how this project makes its own.
func packed(t testing.TB) []byte {
	t.Helper()
	r, err := rpmpack.NewRPM(rpmpack.RPMMetaData{
		Name: "sample", Version: "4.1.1", Release: "ga", Epoch: 2, Arch: "x86_64",
		Summary: "A sample", Description: "For tests.", Licence: "Apache-2.0", BuildTime: time.Unix(1500000000, 0),
		Requires:  rpmpack.Relations{{Name: "python", Version: "2.7", Sense: rpmpack.SenseEqual | rpmpack.SenseGreater}},
		Obsoletes: rpmpack.Relations{{Name: "sample-old", Version: "3.0", Sense: rpmpack.SenseLess}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.AddFile(rpmpack.RPMFile{Name: "/opt/sample", Mode: 0o40755, Owner: "root", Group: "root", MTime: 1500000000})
	r.AddFile(rpmpack.RPMFile{Name: "/opt/sample/data", Mode: 0o644, Body: bytes.Repeat([]byte("data"), 99), Owner: "sam", Group: "ple", MTime: 1500000000})
	r.AddFile(rpmpack.RPMFile{Name: "/etc/sample.conf", Mode: 0o640, Body: []byte("a=1\n"), Type: rpmpack.ConfigFile | rpmpack.NoReplaceFile})
	r.AddFile(rpmpack.RPMFile{Name: "/usr/bin/sample", Mode: 0o120777, Body: []byte("../../opt/sample/run")})
	r.AddPostin("echo post\n")
	r.AddPostun("rm -rf /opt/sample\n")
	var buf bytes.Buffer
	if err := r.Write(&buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

const spec = `
%global _binary_payload w1.gzdio
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
func built(t testing.TB) []byte {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "built.spec"), []byte(spec), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("rpmbuild", "-bb", "--define", "_topdir "+dir, "--define", "_rpmdir "+dir, filepath.Join(dir, "built.spec"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("rpmbuild: %v\n%s", err, out)
	}
	found, err := filepath.Glob(filepath.Join(dir, "noarch", "*.rpm"))
	if err != nil || len(found) != 1 {
		t.Fatalf("rpmbuild made %v, %v", found, err)
	}
	b, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// save writes a package to a file for rpm to read.
func save(t testing.TB, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "p.rpm")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
