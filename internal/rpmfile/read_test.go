package rpmfile_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"onerpm/internal/rpmfile"
)

var makers = map[string]func(testing.TB) []byte{"rpmpack": packed, "rpmbuild": built}

// query asks rpm itself, without its database and configuration of this machine playing a part.
func query(t *testing.T, file, format string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("rpm", "--dbpath", t.TempDir(), "-qp", "--nosignature", "--qf", format, file)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("rpm -qp: %v\n%s", err, stderr.Bytes())
	}
	return strings.ReplaceAll(string(out), "(none)", "")
}

// TestReadAsRPM compares everything with what rpm reads from the same file.
func TestReadAsRPM(t *testing.T) {
	t.Parallel()
	for name, maker := range makers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pkg := maker(t)
			file := save(t, pkg)
			h, err := rpmfile.Verify(bytes.NewReader(pkg))
			if err != nil {
				t.Fatal(err)
			}
			var files, deps strings.Builder
			for _, f := range h.Files() {
				fmt.Fprintf(&files, "%s %o %d %s %d %s %s %s %d\n", f.Path, f.Mode, f.Size, f.Digest, f.Flags, f.User, f.Group, f.LinkTo, f.MTime.Unix())
			}
			for _, list := range [][]rpmfile.Dep{h.Provides(), h.Requires(), h.Obsoletes(), h.Conflicts()} {
				for _, d := range list {
					fmt.Fprintf(&deps, "%s %d %s\n", d.Name, d.Flags, d.EVR)
				}
			}
			for _, c := range []struct{ what, got, format string }{
				{"NEVRA", h.NEVRA(), "%{NEVRA}"},
				{"EVR", h.EVR(), "%{EPOCHNUM}:%{VERSION}-%{RELEASE}"},
				{"NVR", h.NVR(), "%{NVR}"},
				{"size", fmt.Sprint(h.InstalledSize()), "%{LONGSIZE}"},
				{"files", files.String(), "[%{FILENAMES} %{FILEMODES:octal} %{LONGFILESIZES} %{FILEDIGESTS} %{FILEFLAGS} %{FILEUSERNAME} %{FILEGROUPNAME} %{FILELINKTOS} %{FILEMTIMES}\n]"},
				{"dependencies", deps.String(), "[%{PROVIDENAME} %{PROVIDEFLAGS} %{PROVIDEVERSION}\n][%{REQUIRENAME} %{REQUIREFLAGS} %{REQUIREVERSION}\n]" +
					"[%{OBSOLETENAME} %{OBSOLETEFLAGS} %{OBSOLETEVERSION}\n][%{CONFLICTNAME} %{CONFLICTFLAGS} %{CONFLICTVERSION}\n]"},
			} {
				if want := query(t, file, c.format); c.got != want {
					t.Errorf("%s: got\n%s\nrpm says\n%s", c.what, c.got, want)
				}
			}
		})
	}
}

func TestScriptlets(t *testing.T) {
	t.Parallel()
	h, err := rpmfile.Read(bytes.NewReader(built(t)))
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%q triggers %v", h.Scriptlets(), h.HasTriggers())
	want := `[{"pre" ["<lua>"] "print(\"pre\")"} {"post" ["/sbin/ldconfig"] ""} {"postun" ["/bin/sh"] "echo \"$1\""} {"posttrans" ["/bin/sh"] "true"}] triggers true`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestReadStopsAtPayload holds the promise that Read takes no byte of the payload.
func TestReadStopsAtPayload(t *testing.T) {
	t.Parallel()
	for name, maker := range makers {
		pkg := maker(t)
		r := bytes.NewReader(pkg)
		h, err := rpmfile.Read(r)
		if err != nil {
			t.Fatal(err)
		}
		if left := int64(r.Len()); h.PayloadOffset != int64(len(pkg))-left {
			t.Errorf("%s: payload at %d, but %d of %d bytes are left", name, h.PayloadOffset, left, len(pkg))
		}
		if payload := pkg[h.PayloadOffset:]; !bytes.HasPrefix(payload, []byte{0x1f, 0x8b}) {
			t.Errorf("%s: the payload begins with %x, which is not gzip", name, payload[:4])
		}
	}
}

func TestVerified(t *testing.T) {
	t.Parallel()
	h, err := rpmfile.Verify(bytes.NewReader(built(t)))
	if err != nil {
		t.Fatal(err)
	}
	want := "[header SHA-1 header SHA-256 size of header and payload MD5 of header and payload payload SHA-256]"
	if got := fmt.Sprint(h.Verified); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if h, err = rpmfile.VerifyPinned(bytes.NewReader(built(t))); err != nil {
		t.Fatal(err)
	}
	want = "[header SHA-1 header SHA-256 size of header and payload payload SHA-256]"
	if got := fmt.Sprint(h.Verified); got != want {
		t.Errorf("pinned: got %s, want %s", got, want)
	}
}

func TestFileKinds(t *testing.T) {
	t.Parallel()
	h, err := rpmfile.Read(bytes.NewReader(built(t)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range h.Files() {
		got = append(got, fmt.Sprintf("%s %s config=%v ghost=%v", f.Path, f.FileMode(), f.IsConfig(), f.IsGhost()))
	}
	want := []string{
		"/etc/built.conf -rw-r--r-- config=true ghost=false",
		"/opt/built dgrwxr-x--- config=false ghost=false",
		"/opt/built/ghost ---------- config=false ghost=true",
		"/opt/built/hard urwxr-xr-x config=false ghost=false",
		"/opt/built/link Lrwxrwxrwx config=false ghost=false",
		"/opt/built/sub drwxr-xr-x config=false ghost=false",
		"/opt/built/sub/file -rw-r--r-- config=false ghost=false",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
