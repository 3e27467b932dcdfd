package hostcheck

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
	"onerpm/payload-scripts/internal/files"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/mountns"
	"onerpm/payload-scripts/internal/programs"
)

// TestReplaced: what the merge leaves alone is seen as the host has it.
func TestReplaced(t *testing.T) {
	t.Parallel()
	var changes []files.FileChange
	for _, did := range []files.Did{files.Added, files.Updated, files.Merged, files.Kept, files.Unchanged, files.Removed} {
		changes = append(changes, files.FileChange{Target: "/etc/" + string(did), Did: did})
	}
	want := []mountns.Replace{
		{Path: "/etc/added", With: "/m/config/new/etc/added"}, {Path: "/etc/updated", With: "/m/config/new/etc/updated"},
		{Path: "/etc/merged", With: "/m/config/new/etc/merged"}, {Path: "/etc/removed"},
	}
	if got := replaced("/m", changes); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestEarly: what a verify misses may come with the new packages; every other fault is one now.
func TestEarly(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]bool{
		`nginx: [emerg] duplicate location "/composer/" in /etc/nginx/conf.d/x.conf:24`:                                                                    false,
		`nginx: [emerg] cannot load certificate "/etc/ssl/new.pem": BIO_new_file() failed (SSL: error:80000002:system library::No such file or directory)`: true,
	} {
		err := &programs.ExitError{Name: "nginx", Result: programs.Result{Code: 1, Stderr: said}}
		if got := early(fmt.Errorf("verify: %w", err)); got != want {
			t.Errorf("%s: %t", said, got)
		}
	}
}

// TestSaid is bounded and shows no secret.
func TestSaid(t *testing.T) {
	t.Parallel()
	got := output(errors.New("unknown directive \"x\" password=\"open-sesame-42\" " + strings.Repeat("a", 2*maxSaid)))
	if strings.Contains(got, "open-sesame-42") || len(got) > maxSaid+3 || !strings.HasPrefix(got, "unknown directive") {
		t.Errorf("%s", got)
	}
}

// TestNothingToVerify asks nobody.
func TestNothingToVerify(t *testing.T) {
	t.Parallel()
	b := &layout.Bundle{Manifest: &manifest.Manifest{Prefix: "p", Services: []manifest.Service{
		{Unit: "a"}, {Unit: "b", Verify: " "}, {Unit: "c", Verify: "false", Only: manifest.New}}}}
	if found := verifyFindings(t.Context(), b); len(found) != 0 {
		t.Errorf("%+v", found)
	}
}

// TestOurs: a program of the distribution can judge the merged files before the upgrade.
func TestOurs(t *testing.T) {
	t.Parallel()
	m := &manifest.Manifest{New: []manifest.Package{{ID: nevra.ID{Name: "app"}, File: "packages/app.rpm"}}}
	for _, program := range []string{"sh", "no-such-program-here"} {
		if inBundle(t.Context(), m, program) {
			t.Errorf("%s is taken for the product's", program)
		}
	}
}
