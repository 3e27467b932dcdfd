package service

import (
	"os"
	"path/filepath"
	"testing"
)

// TestPermit walks all states of a permit from all others.
func TestPermit(t *testing.T) {
	t.Parallel()
	acts := map[string]func(permit) error{"prepare": permit.prepare, "grant": permit.grant, "withhold": permit.withhold, "grantUntilReboot": permit.grantUntilReboot, "revoke": permit.revoke,
		"reboot": func(p permit) error { return os.RemoveAll(filepath.Dir(p.target)) }}
	for _, c := range []struct {
		acts  []string
		given bool
	}{
		{[]string{"prepare"}, true},
		{[]string{"prepare", "withhold"}, false},
		{[]string{"withhold"}, false},
		{[]string{"withhold", "prepare"}, false}, // what a killed engine withheld stays so
		{[]string{"withhold", "withhold"}, false},
		{[]string{"withhold", "grantUntilReboot"}, true},
		{[]string{"withhold", "grantUntilReboot", "grantUntilReboot"}, true},
		{[]string{"withhold", "grantUntilReboot", "reboot"}, false},
		{[]string{"withhold", "grantUntilReboot", "withhold"}, false},
		{[]string{"withhold", "grantUntilReboot", "revoke"}, false},
		{[]string{"withhold", "revoke", "grantUntilReboot"}, true},
		{[]string{"grant", "grantUntilReboot", "revoke"}, true},
		{[]string{"withhold", "grantUntilReboot", "prepare", "withhold"}, false},
		{[]string{"withhold", "grant"}, true},
		{[]string{"withhold", "grantUntilReboot", "grant", "reboot"}, true},
		{[]string{"grant", "grant"}, true},
		{[]string{"grant", "withhold", "grant", "withhold"}, false},
		{[]string{"prepare", "reboot"}, true},
	} {
		p := newPermit(t)
		for _, name := range c.acts {
			must(t, acts[name](p))
		}
		if _, err := os.Stat(p.path); (err == nil) != c.given {
			t.Errorf("after %v it is given: %v", c.acts, err == nil)
		}
		must(t, p.remove(), p.remove())
		if left, err := os.ReadDir(filepath.Dir(p.path)); err != nil || len(left) > 0 {
			t.Errorf("after %v: left %v, %v", c.acts, left, err)
		}
	}
}

func newPermit(t *testing.T) permit {
	root := t.TempDir()
	must(t, os.MkdirAll(root+"/var", 0o755))
	return permit{root: root, path: root + "/var/may", target: root + "/run/p/may"}
}

// TestPermitOfAKilledEngine: what an engine left that was killed while it withheld or granted is no obstacle, and goes.
func TestPermitOfAKilledEngine(t *testing.T) {
	t.Parallel()
	p := newPermit(t)
	must(t, os.Symlink("/anything", p.path+".next"), p.withhold())
	if _, err := os.Stat(p.path); err == nil {
		t.Error("it is given")
	}
	must(t, os.WriteFile(p.path+".next", nil, 0o600), p.grant())
	if _, err := os.Stat(p.path); err != nil {
		t.Error("it is not given")
	}
	must(t, os.Symlink("/anything", p.path+".next"), p.remove())
	if left, err := os.ReadDir(filepath.Dir(p.path)); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// TestPermitErrors: a permit that cannot be changed is an error, never taken for changed.
func TestPermitErrors(t *testing.T) {
	t.Parallel()
	p := newPermit(t)
	must(t, os.RemoveAll(p.root+"/var"))
	for name, act := range map[string]func(permit) error{"prepare": permit.prepare, "grant": permit.grant, "withhold": permit.withhold} {
		if act(p) == nil {
			t.Errorf("%s without its folder", name)
		}
	}
	must(t, os.WriteFile(p.root+"/run", nil, 0o600))
	if p.grantUntilReboot() == nil {
		t.Error("grantUntilReboot without its folder")
	}
	must(t, os.MkdirAll(p.path+".next/in/the/way", 0o755))
	if p.withhold() == nil {
		t.Error("withhold with a folder in the way")
	}
}

func TestPermitCondition(t *testing.T) {
	t.Parallel()
	if got := (permit{root: "/r", path: "/r/var/lib/p/doors-may-start"}).condition(); got != "/var/lib/p/doors-may-start" {
		t.Errorf("got %s", got)
	}
}
