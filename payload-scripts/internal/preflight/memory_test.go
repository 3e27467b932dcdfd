package preflight

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLowMemory: what the kernel says is available is compared with what the spec demands.
func TestLowMemory(t *testing.T) {
	t.Parallel()
	const text = "MemTotal:       4028440 kB\nMemFree:          100 kB\nMemAvailable:     934912 kB\nBuffers:           12 kB\n"
	for name, c := range map[string]struct {
		text string
		mib  int64
		want string // the finding's name and a part of what it says
	}{
		"nothing is demanded": {"", 0, ""},
		"just enough":         {text, 913, ""},
		"too little":          {text, 914, "low-memory 913 MB of memory are available, 914 MB are needed"},
		"an old kernel":       {"MemTotal: 4028440 kB\nMemFree: 100 kB\n", 1, "check-failed has no MemAvailable"},
		"no number":           {"MemTotal: 1 kB\nMemAvailable: much kB\n", 1, "check-failed has no MemAvailable"},
	} {
		path := filepath.Join(t.TempDir(), "meminfo")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		found := lowMemory(path, c.mib<<20)
		id, part, _ := strings.Cut(c.want, " ")
		if c.want == "" && len(found) != 0 || c.want != "" && (len(found) != 1 || found[0].ID != id || !strings.Contains(found[0].What, part)) {
			t.Errorf("%s: %+v, want %q", name, found, c.want)
		}
	}
	if found := lowMemory(filepath.Join(t.TempDir(), "none"), 1); len(found) != 1 || found[0].ID != "check-failed" {
		t.Errorf("without the file: %+v", found)
	}
	if found := lowMemory(meminfo, 1<<20); len(found) != 0 {
		t.Errorf("this machine: %+v", found)
	}
}
