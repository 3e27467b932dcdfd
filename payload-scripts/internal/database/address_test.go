package database

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/hostconf/connection"
	"onerpm/internal/hostconf/hostconftest"
	"onerpm/internal/manifest"
)

// TestReadAddress: from a file of the host; an error names the file and shows no value.
func TestReadAddress(t *testing.T) {
	t.Parallel()
	for _, c := range hostconftest.Addresses {
		file := filepath.Join(t.TempDir(), "product.conf")
		if err := os.WriteFile(file, []byte(c.Text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadAddress(manifest.Connection{File: file, Format: c.Format, Keys: c.Keys})
		if c.Err != "" {
			if err == nil || !strings.Contains(err.Error(), c.Err) || !strings.Contains(err.Error(), file) || strings.Contains(err.Error(), "S3cret") {
				t.Errorf("%s: error %v, want %q", c.Name, err, c.Err)
			}
			continue
		}
		want := connection.Address{Host: c.Host, Port: uint16(c.Port), Database: c.Database, User: c.User, Password: c.Password}
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", c.Name, got, err, want)
			continue
		}
		cfg, err := (&DB{to: got, Name: "app", lock: defaultLockTimeout}).clientConfig()
		if err != nil || cfg.Host != c.Host || int(cfg.Port) != c.Port || cfg.Database != c.Database || cfg.User != c.User || cfg.Password != c.Password {
			t.Errorf("%s: the client would go to %s:%d, %v", c.Name, cfg.Host, cfg.Port, err)
		}
	}
	if _, err := ReadAddress(manifest.Connection{File: "/does/not/exist", Format: "env"}); err == nil || !strings.Contains(err.Error(), "/does/not/exist") {
		t.Errorf("no file: %v", err)
	}
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, make([]byte, maxConfig+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadAddress(manifest.Connection{File: large, Format: "env"}); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a large file: %v", err)
	}
}

func TestSchemaName(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{"cloudify-upgrade": "cloudify_upgrade", "A.b+C": "a_b_c", "9x": "_9x"} {
		if got := schemaName(prefix); got != want {
			t.Errorf("%s: %s", prefix, got)
		}
	}
}
