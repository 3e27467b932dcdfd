package hostcheck

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/finding"
)

// TestHookFindings: what an admin has to say is refused until it is there, whole and a secret, and is not told.
func TestHookFindings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		want string // in the finding; "" for none
	}{
		"good":       {"root\ns3cret\n", 0o600, ""},
		"half":       {"root\n", 0o600, "lacks the password in line 2"},
		"blank":      {" \ns3cret\n", 0o600, "lacks the name in line 1"},
		"for others": {"root\ns3cret\n", 0o640, "can be read by others"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "given")
			if err := os.WriteFile(file, []byte(c.text), c.mode); err != nil {
				t.Fatal(err)
			}
			checkHook(t, file, c.want)
		})
	}
	checkHook(t, "/nowhere/given", "there is no /nowhere/given")
	if found := hookFindings(manifest.Hooks{Prepare: []manifest.Hook{{Run: "hooks/a"}}}); len(found) > 0 {
		t.Errorf("found %+v", found)
	}
}

func checkHook(t *testing.T, file, want string) {
	t.Helper()
	found := hookFindings(manifest.Hooks{Prepare: []manifest.Hook{{Run: "hooks/a", Needs: &manifest.Given{File: file, Lines: []string{"the name", "the password"}}}}})
	if want == "" {
		if len(found) > 0 {
			t.Errorf("found %+v", found)
		}
		return
	}
	if len(found) != 1 || found[0].Level != finding.Refuse || !strings.Contains(found[0].What, want) || !strings.Contains(found[0].Do, "a line each: the name, the password") {
		t.Errorf("found %+v, want %q", found, want)
	}
	for _, f := range found {
		if strings.Contains(f.What+f.Do, "s3cret") {
			t.Errorf("a secret is told: %+v", f)
		}
	}
}
