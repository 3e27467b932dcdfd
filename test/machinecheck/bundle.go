package machinecheck

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"onerpm/test/host"
)

// Bundle returns the path of the bundle that leads to a release; make bundles
// builds it into dist, and ONERPM_BUNDLES names another folder.
func Bundle(t testing.TB, to string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(cmp.Or(os.Getenv("ONERPM_BUNDLES"), "../../dist"), fmt.Sprintf("%s-%s.rpm", Prefix, to)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v; build it with: make bundles", err)
	}
	return path
}

// Give copies the bundle that leads to a release into the machine and returns its path there.
func Give(t testing.TB, m *host.Machine, to string) string {
	t.Helper()
	inside := fmt.Sprintf("/root/%s-%s.rpm", Prefix, to)
	if err := m.CopyIn(Bundle(t, to), inside); err != nil {
		t.Fatal(err)
	}
	return inside
}

// EngineDigest is the SHA-256 of the engine in the bundles.
func EngineDigest(t testing.TB) string {
	t.Helper()
	program, err := os.ReadFile("../../dist/engine")
	if err != nil {
		t.Fatalf("%v; build it with: make bundles", err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(program))
}

// AddComponents gives a machine a repository with the components of every release.
func AddComponents(t testing.TB, m *host.Machine) {
	t.Helper()
	if err := m.CopyIn("../../dist/components", "/srv/components"); err != nil {
		t.Fatal(err)
	}
	m.Sh(t, `createrepo_c -q /srv/components && printf '[components]\nname=components\nbaseurl=file:///srv/components\ngpgcheck=0\n' > /etc/yum.repos.d/components.repo && dnf -q makecache`)
}
