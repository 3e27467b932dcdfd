package pkgfile

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"onerpm/internal/rpmfile"
	"onerpm/test/samplerpm"
)

const spec = `
%global _build_id_links none
Name: built
Version: 1
Release: 1
Summary: Made by rpmbuild
License: Apache-2.0
BuildArch: noarch
AutoReqProv: no
%description
Made by rpmbuild.
%install
mkdir -p %{buildroot}/opt/built/sub %{buildroot}/etc
echo content > %{buildroot}/opt/built/sub/file
ln %{buildroot}/opt/built/sub/file %{buildroot}/opt/built/hard
ln -s sub/file %{buildroot}/opt/built/link
echo key=1 > %{buildroot}/etc/built.conf
%files
%dir %attr(2750,root,adm) /opt/built
/opt/built/sub
%attr(4755,root,root) /opt/built/hard
/opt/built/link
%config(noreplace) /etc/built.conf
%ghost %caps(cap_net_bind_service=ep) /opt/built/ghost
`

func headerOf(t testing.TB, pkg []byte) *rpmfile.Header {
	t.Helper()
	h, err := rpmfile.Read(bytes.NewReader(pkg))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestFilesAsRPM compares with what rpm reads from the same package.
func TestFilesAsRPM(t *testing.T) {
	t.Parallel()
	file := samplerpm.Built(t, spec, "w1.gzdio")
	pkg := samplerpm.Read(t, file)
	var got, kinds strings.Builder
	for _, f := range Files(headerOf(t, pkg)) {
		fmt.Fprintf(&got, "%s %o %d %s %d %s %s %s %s %d %d %d\n", f.Path, f.Mode, f.Size, f.Digest, f.Flags, f.User, f.Group, f.Caps, f.LinkTo, f.MTime.Unix(), f.Inode, f.Device)
		fmt.Fprintf(&kinds, "%s %s config=%v ghost=%v %s\n", f.Path, GoMode(f.Mode), f.IsConfig(), f.IsGhost(), f.DigestAlgo)
	}
	cmd := exec.Command("rpm", "--dbpath", t.TempDir(), "-qp", "--nosignature", "--qf",
		"[%{FILENAMES} %{FILEMODES:octal} %{LONGFILESIZES} %{FILEDIGESTS} %{FILEFLAGS} %{FILEUSERNAME} %{FILEGROUPNAME} %{FILECAPS} %{FILELINKTOS} %{FILEMTIMES} %{FILEINODES} %{FILEDEVICES}\n]", file)
	want, err := cmd.Output()
	if err != nil || len(want) == 0 {
		t.Fatalf("rpm -qp: %v", err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nrpm says\n%s", got.String(), want)
	}
	const wantKinds = `/etc/built.conf -rw-r--r-- config=true ghost=false SHA-256
/opt/built dgrwxr-x--- config=false ghost=false SHA-256
/opt/built/ghost ---------- config=false ghost=true SHA-256
/opt/built/hard urwxr-xr-x config=false ghost=false SHA-256
/opt/built/link Lrwxrwxrwx config=false ghost=false SHA-256
/opt/built/sub drwxr-xr-x config=false ghost=false SHA-256
/opt/built/sub/file -rw-r--r-- config=false ghost=false SHA-256
`
	if kinds.String() != wantKinds {
		t.Errorf("got\n%s\nwant\n%s", kinds.String(), wantKinds)
	}
}

// FuzzFiles: Files returns all files of every header that the guard lets through.
func FuzzFiles(f *testing.F) {
	pkg := samplerpm.Read(f, samplerpm.Built(f, spec, "w1.gzdio"))
	f.Add(pkg)
	start := int(headerOf(f, pkg).PayloadOffset) - len(headerOf(f, pkg).Main.Raw())
	for i, e := range headerOf(f, pkg).Main.Index() {
		if e.Tag == rpmfile.TagBaseNames || e.Tag == rpmfile.TagFileDigestAlgo || e.Tag == rpmfile.TagFileCaps {
			other := bytes.Clone(pkg)
			other[start+16+16*i+2] ^= 0x40 // a tag that nobody reads: the header does not have it now
			f.Add(other)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := rpmfile.Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		files := Files(h)
		if n := len(h.Main.Strings(rpmfile.TagBaseNames)) + len(h.Main.Strings(rpmfile.TagOldFileNames)); len(files) != n {
			t.Fatalf("%d files of %d", len(files), n)
		}
		for _, file := range files {
			if file.Path == "" || file.Size < 0 || len(file.Path) > rpmfile.MaxPath {
				t.Fatalf("not a file: %+v", file)
			}
			_ = GoMode(file.Mode)
		}
	})
}
