package matrix_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/rpmpack"

	"onerpm/bundler/internal/certify"
	"onerpm/bundler/internal/matrix"
	"onerpm/bundler/internal/sign"
)

// A certificate beside a bundle counts when the key signed it, for these bytes and that
// platform; a bundle counts by what its header says, not by its name.
func TestFindBuilt(t *testing.T) {
	t.Parallel()
	key, err := sign.Generate("Test", "", "test@example.org", time.Unix(1e9, 0))
	if err != nil {
		t.Fatal(err)
	}
	armor, err := key.Public()
	if err != nil {
		t.Fatal(err)
	}
	public, err := sign.LoadPublic(strings.NewReader(string(armor)))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	sum := rpm(t, filepath.Join(dir, "demo-2.rpm"), "demo-2", "2", "1")
	rpm(t, filepath.Join(dir, "demo-3.rpm"), "another-3", "3", "4")
	certificate(t, dir, key, "demo-2.rpm", sum, "el7.x86_64")
	certificate(t, dir, key, "demo-2.rpm", strings.Repeat("0", 64), "el8.x86_64") // of other bytes

	built, err := matrix.FindBuilt(t.Context(), catalog(), dir, public)
	if err != nil {
		t.Fatal(err)
	}
	got := built["1-2"]
	if len(built) != 1 || got.Revision != 1 || strings.Join(got.Certified, " ") != "el7.x86_64" {
		t.Errorf("got %+v", built)
	}
	m, err := matrix.New(matrix.Input{Catalog: catalog(), Built: built})
	if err != nil {
		t.Fatal(err)
	}
	if row := strings.Join(m.JumpRows()[1], "; "); row != "1-2; demo-2-2-1; 10; yes; el7.x86_64; not el8.x86_64" {
		t.Errorf("got %s", row)
	}

	without, err := matrix.FindBuilt(t.Context(), catalog(), dir, nil)
	if err != nil || len(without["1-2"].Certified) != 0 {
		t.Errorf("without a key: %+v, %v", without, err)
	}
	none, err := matrix.FindBuilt(t.Context(), catalog(), filepath.Join(dir, "nowhere"), public)
	if err != nil || len(none) != 0 {
		t.Errorf("without a folder: %+v, %v", none, err)
	}
}

// rpm writes a small package and returns its SHA-256.
func rpm(t *testing.T, file, name, version, release string) string {
	t.Helper()
	r, err := rpmpack.NewRPM(rpmpack.RPMMetaData{Name: name, Version: version, Release: release, Arch: "x86_64"})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Write(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func certificate(t *testing.T, dir string, key *sign.Key, bundle, sum, platform string) {
	t.Helper()
	at := time.Unix(15e8, 0).UTC()
	c := certify.Certificate{Bundle: bundle, From: "1", To: "2", Platform: platform, Outcome: certify.Passed, Started: at, Ended: at}
	for _, name := range certify.Names() {
		c.Scenarios = append(c.Scenarios, certify.Scenario{Name: name, Outcome: certify.Passed})
	}
	statement, signature, err := certify.Seal(c, sum, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, certify.FileName(bundle, platform))
	for name, data := range map[string][]byte{file: statement, file + ".asc": signature} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
