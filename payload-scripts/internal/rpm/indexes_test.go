package rpm

import (
	"os"
	"path/filepath"
	"testing"

	"onerpm/payload-scripts/internal/packages/rpmtest"
)

// TestMendIndexes leaves a database alone that is no Berkeley DB, also beside what one has left. With one it is tried on a machine
// whose rpm has it (test/platforms).
func TestMendIndexes(t *testing.T) {
	t.Parallel()
	_, h := hostWith(t, nil, rpmtest.Package{Name: "a", Version: "1"})
	dbpath, err := h.DBPath(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dbpath, "rpmdb.sqlite")
	for _, beside := range []string{"", "Packages"} {
		before, err := os.Stat(file)
		if err == nil && beside != "" {
			err = os.WriteFile(filepath.Join(dbpath, beside), nil, 0o600)
		}
		if err == nil {
			err = h.MendIndexes(t.Context())
		}
		after, statErr := os.Stat(file)
		if err != nil || statErr != nil {
			t.Fatal(err, statErr)
		}
		if !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
			t.Errorf("beside %q the database was made anew", beside)
		}
	}
}
