package scaffold

import (
	"strings"
	"testing"

	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/bundler/internal/strictyaml"
	"onerpm/internal/manifest"
)

// The services of a jump before, written in the ways people write, lose what was
// gone and what was new, and keep their comments.
func TestCarryServices(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		units      int // in the spec
		want       string
		items      string // unit, only and door of each
	}{
		{"indented", "from: 1.0\n# about all\nservices:\n  - unit: a # first\n    only: new # since 1.1\n  # about b\n  - unit: \"b\"\n    # inside b\n    only: old\n\n  - unit: c\n    door: true\n    verify: v 1.1 # 1.1 stays here\n\n# about state\nstate: []\n", 3,
			"# about all\nservices:\n  - unit: a # first\n  # about b\n  - unit: \"b\"\n    # inside b\n\n  - unit: c\n    door: true\n    verify: v 1.2 # 1.1 stays here\n", "a new, b old, c door"},
		{"at the margin", "services:\n- door: true\n  unit: a\n- unit: b\n  health:\n    expect: { json: { version: 1.1 }, old: { version: 1.0 } }\nlimits: {}\n", 2,
			"services:\n- door: true\n  unit: a\n- unit: b\n  health:\n    expect: { json: { version: 1.2 }, old: { version: 1.1 } }\n", "a door, b"},
		{"in one line", "services: [ { unit: a, only: new } ]\n", 1, "services: [ { unit: a, only: new } ]\n", "not cut"},
		{"none", "from: 1.0\n", 0, "", ""},
	}
	for _, tt := range tests {
		p := before{spec: &release.Spec{From: "1.0", To: "1.1", Services: make([]manifest.Service, tt.units)}, text: tt.text, to: "1.2"}
		head, items, ok := p.services()
		var said []string
		got := head
		for _, it := range items {
			got += it.text
			s := it.unit
			if it.only != "" {
				s += " " + it.only
			}
			if it.door {
				s += " door"
			}
			said = append(said, s)
		}
		if !ok {
			said = []string{"not cut"}
		}
		if got != tt.want || strings.Join(said, ", ") != tt.items {
			t.Errorf("%s: %q\ngot\n%s\nwant\n%s", tt.name, said, got, tt.want)
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind, body string
		want       string
	}{
		{"postun", "# rm -rf /x\n:\nexit 0\n", ""},
		{"postun", "if [ $1 -eq 0 ]; then rm -rf /opt/x; fi\n", "deletes /opt/x"},
		{"postun", "D=/opt\nrm -rf $D/x ${E}/y\n", "deletes $D/x ${E}/y|nothing sets $E, so it is empty there|it does not look at $1: on an upgrade it does what it does on a removal"},
		{"preun", "systemctl stop app\nuserdel app || true\n", "runs systemctl stop app|runs userdel app|it does not look at $1: on an upgrade it does what it does on a removal"},
		{"post", "systemctl daemon-reload\nmkdir -p /opt/x\n", ""},
	}
	for _, tt := range tests {
		if got := strings.Join(judge(rpmpkg.Scriptlet{Kind: tt.kind, Body: tt.body}), "|"); got != tt.want {
			t.Errorf("%s %q:\ngot  %s\nwant %s", tt.kind, tt.body, got, tt.want)
		}
	}
}

// Whatever a package's scriptlet holds, the file stays one that the bundler reads, and
// the scriptlet stays in its comment.
func FuzzScriptlet(f *testing.F) {
	f.Add("rm -rf /opt/${x}\n", "/bin/sh")
	f.Add("a\rb\x00c\x7f\xff\u2028d\ttab: \"quoted\" # DECIDE: no\n- list\n", "<lua>")
	f.Add(strings.Repeat("x", 1000)+"\n"+strings.Repeat("y\n", 100), "p\ny: 1")
	f.Fuzz(func(t *testing.T, body, prog string) {
		sl := rpmpkg.Scriptlet{Kind: "postun", Interpreter: []string{prog}, Body: body}
		sc := scriptlet{nvr: "a-1-1", name: "a", kind: "postun", prog: prog, body: body, old: true, ask: true, finds: judge(sl)}
		s := spec{scriptlets: []scriptlet{sc}}
		var got struct {
			Packages release.PackageRules `yaml:"packages"`
		}
		_, mistakes := strictyaml.Decode("x.yaml", []byte(s.packages()), &got)
		if len(mistakes) != 1 || !strings.Contains(mistakes[0].What, "still to be decided: why its %postun") {
			t.Errorf("%v\n%s", mistakes, s.packages())
		}
	})
}
