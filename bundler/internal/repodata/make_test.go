package repodata_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/rpmpack"

	"onerpm/bundler/internal/repodata"
	"onerpm/bundler/internal/rpmpkg"
)

// rich has in it whatever a header can tell a repository. Where rpm makes no such
// thing any more (a file of no UTF-8), another test makes it by hand.
const rich = `
%global _binary_payload w1.gzdio
%global _build_id_links none
%global __os_install_post %{nil}
Name: rich
Epoch: 3
Version: 1.0~rc1^git7
Release: 2%{?nothing}
Summary: <b>Büro</b> & "Größe" 'x'
License: Apache-2.0 & MIT
Group: Applications/Ämter
Vendor: Ünïted & Co
Packager: Zoë <zoe@example.org>
URL: https://example.org/?a=1&b=2
Provides: virtual = 7, virtual = 7-1, virtual >= 2:8-3, other(x86-64), bundled(<tag>) < 4
Provides: /usr/share/rich/provided
Requires: bash >= 4, bash >= 4, (grep or sed), (foo >= 2 if bar else baz)
Requires: virtual = 7, virtual = 8
Requires: /bin/sh, /etc/rich/rich.conf, /usr/share/rich/data, /usr/bin/rich, /opt/elsewhere
Requires: libc.so.6()(64bit), libc.so.6(GLIBC_2.4)(64bit), libc.so.6(GLIBC_2.14)(64bit), libc.so.6(GLIBC_2.3.4)(64bit)
Requires(pre): shadow-utils, coreutils < 99:1-2
Requires(post): coreutils < 99:1-2, systemd
Requires(postun): other <= 5, other > 6
Requires: twice, shadow-utils, twice
Requires(meta): meta-only
Conflicts: enemy, enemy < 3:1.0
Obsoletes: ancient < 2-5, old-rich
Recommends: nice >= 1, (a and b)
Suggests: maybe
Supplements: (langpack and rich)
Enhances: editor = 1:2-3
BuildArch: noarch
AutoReqProv: no
%description
First line with <markup> & "quotes".
</package>
<package type="rpm">
   Indented, naïve, 日本語, a tab	here.

Last line.
%install
mkdir -p %{buildroot}/etc/rich/sub %{buildroot}/usr/bin %{buildroot}/usr/lib %{buildroot}/usr/share/rich %{buildroot}/opt/rich/sbin/x
echo 1 > %{buildroot}/etc/rich/rich.conf
echo 2 > %{buildroot}/usr/bin/rich
echo 3 > %{buildroot}/usr/lib/sendmail
echo 4 > %{buildroot}/usr/share/rich/data
echo 5 > '%{buildroot}/usr/share/rich/a & b <c>.txt'
echo 6 > '%{buildroot}/usr/share/rich/größe'
ln -s rich %{buildroot}/usr/bin/link
%post -p /sbin/ldconfig
%pretrans -p <lua>
print("x")
%files
%dir /etc/rich
%dir /etc/rich/sub
%config(noreplace) /etc/rich/rich.conf
%ghost /etc/rich/ghost.conf
%ghost /var/lib/rich.state
%ghost %dir /usr/share/rich/ghostdir
/usr/bin/rich
/usr/bin/link
/usr/lib/sendmail
/usr/share/rich
/opt/rich
%changelog
* Tue Feb 06 2018 Zoë <zoe@example.org> - 12
- twelve & <more>
* Tue Feb 06 2018 Zoë <zoe@example.org> - 11
- eleven, on the same day
* Tue Feb 06 2018 Zoë <zoe@example.org> - 10
- ten, on the same day
* Mon Jan 01 2018 Z - 9
- nine
* Sun Dec 31 2017 Z - 8
- eight
* Sun Dec 31 2017 Z - 7
- seven
* Fri Dec 01 2017 Z - 6
- six
* Wed Nov 01 2017 Z - 5
- five
* Sun Oct 01 2017 Z - 4
- four
* Fri Sep 01 2017 Z - 3
- three
* Fri Sep 01 2017 Z - 2
- two
* Tue Aug 01 2017 Z - 1
- one
`

// build has rpmbuild make one package, binary (-bb) or source (-bs), into dir.
func build(t testing.TB, dir, spec, how string) {
	t.Helper()
	work := t.TempDir()
	path := filepath.Join(work, "p.spec")
	if err := os.WriteFile(path, []byte(spec), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("rpmbuild", how, "--quiet", "--define", "_topdir "+work, path)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "SOURCE_DATE_EPOCH=1500000000")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("rpmbuild: %v\n%s", err, out)
	}
	found, err := filepath.Glob(filepath.Join(work, "*RPMS", "*.rpm"))
	if len(found) == 0 {
		found, err = filepath.Glob(filepath.Join(work, "RPMS", "*", "*.rpm"))
	}
	if err != nil || len(found) != 1 {
		t.Fatalf("rpmbuild made %v, %v", found, err)
	}
	if err := os.Rename(found[0], filepath.Join(dir, filepath.Base(found[0]))); err != nil {
		t.Fatal(err)
	}
}

// pack writes a small package made by rpmpack and returns its path, under dir.
func pack(t testing.TB, dir, name, version string, change ...func(*rpmpack.RPM)) string {
	t.Helper()
	r, err := rpmpack.NewRPM(rpmpack.RPMMetaData{
		Name: name, Version: version, Release: "1", Epoch: rpmpack.NoEpoch, Arch: "noarch",
		Summary: name, Description: "For tests.", Licence: "Apache-2.0", BuildTime: time.Unix(1500000000, 0), Compressor: "gzip:1",
	})
	if err != nil {
		t.Fatal(err)
	}
	r.AddFile(rpmpack.RPMFile{Name: "/opt/" + name + "/bin/run", Mode: 0o755, Body: []byte(version), Owner: "root", Group: "root", MTime: 1500000000})
	for _, c := range change {
		c(r)
	}
	var buf bytes.Buffer
	if err := r.Write(&buf); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name+"-"+version+"-1.noarch.rpm")
	if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// describe makes the entry of a file.
func describe(t testing.TB, path string, at repodata.Place) repodata.Entry {
	t.Helper()
	e, err := try(t, path, at)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func try(t testing.TB, path string, at repodata.Place) (repodata.Entry, error) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	h, err := rpmpkg.Read(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return repodata.Describe(h, repodata.FileFacts{SHA256: hex.EncodeToString(sum[:]), Size: info.Size(), Time: info.ModTime().Unix()}, at)
}

// write makes a generation in a new folder and has it checked.
func write(t testing.TB, previous *repodata.Set, add []repodata.Entry, drop ...string) *repodata.Set {
	t.Helper()
	set, err := repodata.Write(t.Context(), t.TempDir(), previous, add, drop, 1500000000)
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	return set
}
