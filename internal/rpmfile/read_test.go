package rpmfile_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"onerpm/internal/rpmfile"
	"onerpm/test/samplerpm"
)

var makers = map[string]func(testing.TB) []byte{"rpmpack": samplerpm.Packed, "rpmbuild": built}

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

// TestReadAsRPM compares the package's identity with what rpm reads from the same file.
func TestReadAsRPM(t *testing.T) {
	t.Parallel()
	for name, maker := range makers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pkg := maker(t)
			file := save(t, pkg)
			h, err := rpmfile.Read(bytes.NewReader(pkg))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct{ what, got, format string }{
				{"NEVRA", h.NEVRA(), "%{NEVRA}"},
				{"EVR", h.EVR(), "%{EPOCHNUM}:%{VERSION}-%{RELEASE}"},
				{"NVR", h.NVR(), "%{NVR}"},
			} {
				if want := query(t, file, c.format); c.got != want {
					t.Errorf("%s: got\n%s\nrpm says\n%s", c.what, c.got, want)
				}
			}
		})
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
