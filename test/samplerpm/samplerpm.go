// Package samplerpm makes packages for the tests of what reads them.
package samplerpm

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/rpmpack"
)

// Packed returns a small package made by rpmpack, which is how this project makes its own.
func Packed(t testing.TB) []byte {
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

// Built has rpmbuild make the one package of a spec, compressed as payload says (rpm's macro _binary_payload), and returns its path.
func Built(t testing.TB, spec, payload string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "sample.spec")
	if err := os.WriteFile(file, []byte(spec), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "rpmbuild", "-bb", "--define", "_topdir "+dir, "--define", "_rpmdir "+dir, "--define", "_binary_payload "+payload, file)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("rpmbuild: %v\n%s", err, out)
	}
	found, err := filepath.Glob(filepath.Join(dir, "*", "*.rpm"))
	if err != nil || len(found) != 1 {
		t.Fatalf("rpmbuild made %v, %v", found, err)
	}
	return found[0]
}

// Read returns the bytes of a package's file.
func Read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
