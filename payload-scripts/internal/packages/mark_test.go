package packages

import (
	"context"
	"os/exec"
	"sort"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/packages/rpmtest"
)

func TestMarkUserInstalled(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := rpmtest.Product(t)
	w.Install(t)
	s := setOf(t, w)
	if err := s.Converge(ctx, manifest.New, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := s.MarkUserInstalled(ctx); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("dnf", "-q", "--installroot="+w.Root, "--cacheonly", "--disablerepo=*", "--releasever=1",
		"repoquery", "--userinstalled", "--qf", "%{name}").Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Fields(string(out))
	sort.Strings(got)
	if want := "cli composer influx rest same"; strings.Join(got, " ") != want {
		t.Errorf("user-installed: %v, want %s", got, want)
	}
}
