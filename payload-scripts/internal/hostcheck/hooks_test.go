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
		"half":       {"root\n", 0o600, "the password is missing in line 2"},
		"blank":      {" \ns3cret\n", 0o600, "the name is missing in line 1"},
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

// TestNeedsWhen: where the host says it already, the file need not be there; one that is there is looked at all the same.
func TestNeedsWhen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	conf := filepath.Join(dir, "conf")
	given := manifest.Given{File: filepath.Join(dir, "given"), Lines: []string{"the name"},
		When: []manifest.HostCase{{All: []manifest.HostCondition{{File: conf, Format: "json", Key: "name", Is: []string{""}}}}}}
	look := func() string {
		found := hookFindings(manifest.Hooks{Switch: []manifest.Hook{{Run: "hooks/a", Needs: &given}}})
		if len(found) == 0 {
			return ""
		}
		return found[0].ID + " " + found[0].What
	}
	for _, c := range []struct{ conf, want string }{{"{}", "there is no "}, {`{"name": "root"}`, ""}, {"}", "read " + conf}} {
		write("conf", c.conf, 0o644)
		if got := look(); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.conf, got, c.want)
		}
	}
	write("conf", `{"name": "root"}`, 0o644)
	write("given", "another\n", 0o644)
	if got := look(); !strings.Contains(got, "can be read by others") {
		t.Errorf("a file for all to read: %q", got)
	}
}

// TestReads: a file that a hook could not be given refuses before anything is changed; one that is not there does not.
func TestReads(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "conf")
	hooks := manifest.Hooks{Switch: []manifest.Hook{{Run: "hooks/a", Reads: []manifest.HostFile{{File: path, Format: "yaml"}}}}}
	if found := hookFindings(hooks); len(found) > 0 {
		t.Errorf("no file: %+v", found)
	}
	if err := os.WriteFile(path, []byte("a: [s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if found := hookFindings(hooks); len(found) != 1 || found[0].ID != "check-failed" || !strings.Contains(found[0].What, path) || strings.Contains(found[0].What, "s3cret") {
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
