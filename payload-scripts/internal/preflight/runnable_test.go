package preflight

import (
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/finding"
)

func TestCannotRun(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]string{"203": "systemd cannot run /opt/p/2/bin/engine", "126": "ends with status 126"} {
		found := cannotRun("/opt/p/2/bin/engine", status)
		if len(found) != 1 || found[0].Level != finding.Refuse || !strings.Contains(found[0].What, want) {
			t.Errorf("status %s: %+v", status, found)
		}
	}
}

// TestRunnableElsewhere asks nothing about a bundle that was only unpacked, or an attempt's own folder.
func TestRunnableElsewhere(t *testing.T) {
	t.Parallel()
	m := &manifest.Manifest{Prefix: "p", To: "2"}
	for _, dir := range []string{"/root/c/opt/p/2", "/opt/p/run/2-1-x"} {
		if found := (&run{Input: Input{Manifest: m, Dir: dir}}).runnable(t.Context()); found != nil {
			t.Errorf("%s: %+v", dir, found)
		}
	}
}
