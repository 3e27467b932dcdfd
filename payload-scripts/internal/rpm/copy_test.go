package rpm_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"onerpm/payload-scripts/internal/packages/rpmtest"
	"onerpm/payload-scripts/internal/rpm"
)

func TestBackup(t *testing.T) {
	t.Parallel()
	w := rpmtest.New(t, []rpmtest.Package{{Name: "rest", Version: "4.1.1"}}, nil)
	w.Install(t)
	to := filepath.Join(w.Var, "backup", "rpmdb")
	h := rpm.Host{Root: w.Root}
	for range 2 { // a second one replaces the first
		if err := h.Backup(context.Background(), to); err != nil {
			t.Fatal(err)
		}
	}
	copied, err := rpm.DBAt(to).All(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(copied, "rest-0:4.1.1-1.noarch") {
		t.Errorf("the copy holds %q", copied)
	}
}
