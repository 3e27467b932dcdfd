package e2e

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"onerpm/test/host"
	"onerpm/test/machinecheck"
)

const prefix = machinecheck.Prefix

// bundle returns the path of the bundle that leads to a release; make bundles
// builds it into dist, and ONERPM_BUNDLES names another folder.
func bundle(t *testing.T, to string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(cmp.Or(os.Getenv("ONERPM_BUNDLES"), "../../dist"), fmt.Sprintf("%s-%s.rpm", prefix, to)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v; build it with: make bundles", err)
	}
	return path
}

// give copies the bundle that leads to a release into the machine and returns its path there.
func give(t *testing.T, m *host.Machine, to string) string {
	t.Helper()
	inside := fmt.Sprintf("/root/%s-%s.rpm", prefix, to)
	if err := m.CopyIn(bundle(t, to), inside); err != nil {
		t.Fatal(err)
	}
	return inside
}

// What a machine is like, and whether it is a release: shared with test/crash.
var (
	manifestOf      = machinecheck.Manifest
	productPackages = machinecheck.Packages
	wantPackages    = machinecheck.Want
	rows            = machinecheck.Rows
	psql            = machinecheck.SQL
	files           = machinecheck.Files
	same            = machinecheck.Same
	whole           = machinecheck.Whole
	checkNew        = machinecheck.New
)
