package manifest_test

import (
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
)

// moving is a manifest with packages that come early and go late, and files that move.
func moving() *manifest.Manifest {
	m := sample()
	m.Files = append(m.Files, manifest.File{Path: "rollback/z-1-1.noarch.rpm", Size: 4, SHA256: sum("4"), Mode: 0o644})
	m.Old = append(m.Old, manifest.Package{ID: nevra.ID{Name: "z", Version: "1", Release: "1", Arch: "noarch"}, File: "rollback/z-1-1.noarch.rpm", SHA256: sum("4"), Size: 4, Late: true})
	m.Files = append(m.Files[:7:7], append([]manifest.File{{Path: "packages/b-1-1.noarch.rpm", Size: 3, SHA256: sum("3"), Mode: 0o644}}, m.Files[7:]...)...)
	m.New = append(m.New[:1:1], append([]manifest.Package{{ID: nevra.ID{Name: "b", Version: "1", Release: "1", Arch: "noarch"}, File: "packages/b-1-1.noarch.rpm", SHA256: sum("3"), Size: 3, Early: true}}, m.New[1:]...)...)
	m.Skip = append(m.Skip, manifest.Scriptlet{Package: "z-1-1", Kind: "postun", Why: "it deletes data"}, manifest.Scriptlet{Package: "b-1-1", Kind: "pre", Why: "a user"})
	m.EarlyServices = []manifest.EarlyService{{Unit: "b", Setup: "initdb", Timeout: manifest.Duration(time.Minute), Makes: []string{"/var/lib/b"}}}
	m.Keep = []string{"/var/lib/z"}
	m.Moves = []manifest.Move{{Each: "/opt/p/a", Into: "/opt/p/a/tenant"}, {From: "/root/crt", To: "/etc/p/crt"}}
	m.Owners = []manifest.Owner{{Path: "/opt/p", User: "p", Group: "p"}}
	return m
}

func names(set []manifest.Package) string {
	var all []string
	for _, p := range set {
		all = append(all, p.Name)
	}
	return strings.Join(all, " ")
}

func TestPartsAreKept(t *testing.T) {
	t.Parallel()
	if _, err := manifest.Decode(strings.NewReader(string(encode(t, moving())))); err != nil {
		t.Fatal(err)
	}
	m := sample()
	if m.Early() != nil || m.Late() != nil || m.Main() != m {
		t.Error("a jump in which nothing comes early or goes late has parts")
	}
}

// TestParts: each package, and each scriptlet that is left out, is in one part.
func TestParts(t *testing.T) {
	t.Parallel()
	m := moving()
	for name, c := range map[string]struct {
		part           *manifest.Manifest
		old, new, skip string
		helpers        bool
	}{
		"main": {m.Main(), "a same", "a same", "a-1-1", true}, "early": {m.Early(), "", "b", "b-1-1", false}, "late": {m.Late(), "z", "", "z-1-1", false},
	} {
		var skip []string
		for _, s := range c.part.Skip {
			skip = append(skip, s.Package)
		}
		if names(c.part.Old) != c.old || names(c.part.New) != c.new || strings.Join(skip, " ") != c.skip || (c.part.Undo != "") != c.helpers {
			t.Errorf("%s: old %s, new %s, skip %v, undo %q", name, names(c.part.Old), names(c.part.New), skip, c.part.Undo)
		}
	}
	if names(m.Old) != "a same z" || names(m.New) != "a b same" || len(m.Skip) != 3 {
		t.Error("taking it apart changed the manifest")
	}
}

func TestPartsMistakes(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*manifest.Manifest){
		`new package "same": it cannot come early`:                  func(m *manifest.Manifest) { m.New[2].Early = true },
		`new package "b": it cannot come early`:                     func(m *manifest.Manifest) { m.New[1].Optional = true },
		`new package "a": it cannot come early or go late`:          func(m *manifest.Manifest) { m.New[0].Late = true },
		`old package "a": it cannot come early or go late`:          func(m *manifest.Manifest) { m.Old[0].Late = true },
		`old package "z": it cannot come early or go late`:          func(m *manifest.Manifest) { m.Old[2].Early = true },
		"early services without early packages":                     func(m *manifest.Manifest) { m.New[1].Early = false },
		"folders that are kept without packages that go late":       func(m *manifest.Manifest) { m.Old[2].Late = false },
		`early service "b.service": it is no unit`:                  func(m *manifest.Manifest) { m.EarlyServices[0].Unit = "b.service" },
		`early service "b": it is no unit of a product, or there`:   func(m *manifest.Manifest) { m.EarlyServices = append(m.EarlyServices, m.EarlyServices[0]) },
		`early service "b": a setup without a timeout`:              func(m *manifest.Manifest) { m.EarlyServices[0].Timeout = 0 },
		`early service "b": "var/lib/b" is no clean absolute path`:  func(m *manifest.Manifest) { m.EarlyServices[0].Makes[0] = "var/lib/b" },
		`keep "/": not a clean absolute path`:                       func(m *manifest.Manifest) { m.Keep[0] = "/" },
		"move 1: it has neither from and to nor each and into":      func(m *manifest.Manifest) { m.Moves[1].To = "" },
		`move 1: "/etc/../p" is no clean absolute path`:             func(m *manifest.Manifest) { m.Moves[1].To = "/etc/../p" },
		"move 0: /opt/p/a and /opt/p/a lie in one another":          func(m *manifest.Manifest) { m.Moves[0].Into = "/opt/p/a" },
		"move 0: /opt/p/a and /opt/p lie in one another":            func(m *manifest.Manifest) { m.Moves[0].Into = "/opt/p" },
		"move 1: /root/crt and /root/crt/x lie in one another":      func(m *manifest.Manifest) { m.Moves[1].To = "/root/crt/x" },
		"move 1: /opt/p/a/x and /opt/p/a of another move lie in on": func(m *manifest.Manifest) { m.Moves[1].From = "/opt/p/a/x" },
		`owner of "/opt/p": no clean absolute path, or no user`:     func(m *manifest.Manifest) { m.Owners[0].User = "" },
	} {
		m := moving()
		change(m)
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
