package header

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/test/need"
)

func TestRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		want string // in the error; "" for none
	}{
		"good":       {"# mine\n\nAuthorization: Basic s3cret\nTenant : x\n", 0o600, ""},
		"read only":  {"A: s3cret\n", 0o400, ""},
		"nonsense":   {"A: b\nnonsense with s3cret\n", 0o600, ":2:"},
		"for others": {"A: s3cret\n", 0o644, "chmod 600"},
		"empty":      {"# nothing\n", 0o600, "no header"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
				t.Fatal(err)
			}
			got, err := ReadSecret(path)
			switch {
			case c.want == "" && (err != nil || len(got) == 0):
				t.Errorf("got %v, %v", got, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error tells a header's value: %v", err)
			}
		})
	}
	if _, err := ReadSecret(filepath.Join(dir, "nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := ReadSecret(dir); err == nil {
		t.Error("a folder was read")
	}
}

// TestOfAnotherUser: what another user wrote is not sent to anybody in root's name.
func TestOfAnotherUser(t *testing.T) {
	t.Parallel()
	need.Root(t)
	path := filepath.Join(t.TempDir(), "credentials")
	if err := errors.Join(os.WriteFile(path, []byte("A: s3cret\n"), 0o600), os.Chown(path, 65534, 0)); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadSecret(path); err == nil || !strings.Contains(err.Error(), "chown root "+path) {
		t.Errorf("got %v, %v", got, err)
	}
}
