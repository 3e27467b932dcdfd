package certify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/manifest"
)

// TestLoadWrites: what writes while the upgrade runs is called until the end. When none of its calls is acknowledged the scenario
// fails, with the last words of it; without anything that writes the certificate says that no writes were tried.
func TestLoadWrites(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		script         string
		wrote          bool
		fault, untried string
	}{
		"writes":  {"case $1 in load) echo x >>$ONERPM_NOTES/wrote ;; esac\n", true, "", ""},
		"fails":   {"case $1 in load) echo 'no such API' >&2; exit 22 ;; esac\n", false, `of data.sh with "load" none was acknowledged, that is, ended with exit code 0 (the last one said: no such API)`, ""},
		"no load": {"case $1 in before) touch $ONERPM_NOTES/wrote ;; esac\n", false, "", "no writes were tried: no script of specs/1.0-2.0/certify is one for load"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, err := os.MkdirTemp("/var/tmp", "demo-*-certify")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			r := &run{machine: here, m: &manifest.Manifest{From: "1.0", To: "2.0", Prefix: strings.TrimSuffix(filepath.Base(dir), "-certify")},
				checks: Checks{Scripts: []Script{{Check: Check{Name: "data.sh"}, text: []byte(tt.script)}}}}
			if err := os.Mkdir(r.at("notes"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := r.giveChecks(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := r.startLoad(t.Context()); err != nil {
				t.Fatal(err)
			}
			load, f, err := r.endLoad(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if (load.Writes > 0) != tt.wrote || tt.fault == "" && len(f) > 0 || tt.fault != "" && (len(f) != 1 || !strings.Contains(f[0], tt.fault)) || r.untried != tt.untried {
				t.Errorf("%+v, %q, untried %q", load, f, r.untried)
			}
			if _, err := os.Stat(r.at("notes/wrote")); (err == nil) != tt.wrote {
				t.Errorf("it wrote: %v", err)
			}
		})
	}
}
