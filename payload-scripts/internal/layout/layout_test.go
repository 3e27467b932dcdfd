package layout

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/manifest"
)

// TestPlaces: everything that is written lies below /var/lib, what is executed below /opt, and both
// programs and people rely on the names.
func TestPlaces(t *testing.T) {
	t.Parallel()
	p := Places{Prefix: "p"}
	a := p.At("2-1-x")
	for got, want := range map[string]string{
		p.Run(): "/opt/p/run", p.Var(): "/var/lib/p", p.State(): "/var/lib/p/state", p.Lock(): "/var/lib/p/lock", p.StartLock(): "/var/lib/p/starting.lock",
		p.Current(): "/opt/p/run/current", p.Window(): "/var/lib/p/window", p.Manual(): "/etc/p/manual", p.NoAgents(): "/etc/p/no-agents",
		p.Settings(): "/etc/p/upgrade.conf", p.Unit(): "p.service", p.UnitFile(): "/etc/systemd/system/p.service",
		p.Wants(p.Unit()): "/etc/systemd/system/multi-user.target.wants/p.service",
		p.AgentsUnit():    "p-agents.service", p.AgentsUnitFile(): "/etc/systemd/system/p-agents.service", p.AgentsLock(): "/var/lib/p/agents.lock",
		p.Rehearsal(): "/var/lib/p-rehearsal", p.Rehearsed("2"): "/var/lib/p/rehearsed-2.json", p.Progress(): "/run/p/progress.json",
		a.Run: "/opt/p/run/2-1-x", a.Var: "/var/lib/p/2-1-x", a.Log(): "/var/lib/p/2-1-x/log", a.Report(): "/var/lib/p/2-1-x/report.json",
		a.Backup(""): "/var/lib/p/2-1-x/backup", a.Backup("rpmdb"): "/var/lib/p/2-1-x/backup/rpmdb", a.RollbackRequest(): "/var/lib/p/2-1-x/rollback-wanted",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	rooted := Places{Prefix: "p", Root: "/test"}
	for _, path := range []string{rooted.Run(), rooted.Var(), rooted.UnitFile(), rooted.Settings(), rooted.Manual(), rooted.NoAgents(), rooted.Progress(), rooted.At("x").Run} {
		if !strings.HasPrefix(path, "/test/") {
			t.Errorf("%s is not below the root of a test", path)
		}
	}
}

// TestLoad finds the bundle by the program that runs, behind links too.
func TestLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	engine := filepath.Join(dir, "bin", "engine")
	if err := os.MkdirAll(filepath.Dir(engine), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(engine, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "upgrade")
	if err := os.Symlink(engine, link); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"": "find the bundle this program belongs to", "{}": "read " + filepath.Join(dir, "manifest.json"), `{"format": 1, "more"`: "install it again"} {
		if text != "" {
			if err := os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if text == "" {
			_ = os.Remove(filepath.Join(dir, "manifest.json"))
		}
		if b, err := Load(link); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("manifest %q: %v, %v; want %q", text, b, err, want)
		}
	}
	if _, err := Load(filepath.Join(dir, "nowhere")); err == nil || !strings.Contains(err.Error(), "find the bundle") {
		t.Errorf("no program: %v", err)
	}
	b := &Bundle{Manifest: &manifest.Manifest{Prefix: "p"}, Root: "/test"}
	if got := b.Places(); got != (Places{Prefix: "p", Root: "/test"}) {
		t.Errorf("%+v", got)
	}
}
