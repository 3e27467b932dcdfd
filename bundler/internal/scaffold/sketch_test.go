package scaffold

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onerpm/bundler/internal/release"
)

// A sketch is a script that runs, and proves nothing: each part that nobody has written fails, and says so; check names them.
func TestSketch(t *testing.T) {
	t.Parallel()
	root := product(t)
	files := makeJump(t, input(t, root, "1.0", []sample{{name: "a", evr: "1-1.el9", arch: "x86_64"}}, "2.0", []sample{{name: "a", evr: "2-1.el9", arch: "x86_64"}}))
	const name = "specs/1.0-2.0/certify/product.sh"
	if files[name] == "" {
		t.Fatalf("there is no sketch among %q", files)
	}
	for phase, want := range map[string]struct {
		code int
		says string
	}{
		"prepare": {0, ""}, "before": {1, "DECIDE: what has to be noted"}, "load": {1, "DECIDE: what is written"},
		"after": {1, "DECIDE: what is compared once 2.0 serves"}, "back": {1, "DECIDE: what is compared once 1.0 serves again"}, "bak": {2, "usage: "},
	} {
		cmd := exec.CommandContext(t.Context(), "/bin/sh", filepath.Join(root, name), phase)
		cmd.Env = append(os.Environ(), "ONERPM_NOTES="+t.TempDir())
		out, err := cmd.CombinedOutput()
		code := 0
		if e := (*exec.ExitError)(nil); errors.As(err, &e) {
			code = e.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		if code != want.code || !strings.HasPrefix(string(out), want.says) || want.says == "" && len(out) > 0 {
			t.Errorf("%s: exit code %d, %s", phase, code, out)
		}
	}
	cat, err := release.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(cat.Warnings.Error(), name+":"); n != 4 {
		t.Errorf("check names %d parts, want 4:\n%s", n, cat.Warnings.Error())
	}
}

// agentsOfAJump is what upgrade.yaml says of agents.
const agentsOfAJump = `
agents:
  api: http://127.0.0.1/api
  headers: { file: /etc/app-upgrade/headers }
  lists: { items: items, size: s, offset: o }
  tenants: { list: tenants, name: name, header: Tenant }
  groups: { list: l, name: n, state: s, ready: r, version: a.b, becomes: 2.0 }
  work: { path: p, body: '{"group": "{group}"}', find: "g={group}", id: id, status: status, error: error, done: [ done ], failed: [ failed ], within: 5m }
  canary: 1
  batch: 5
  stop: 20
`

// The checks of the jump before go on, with the requests that clients make; a sketch is written where none of them is the product's own.
func TestCertificationGoesOn(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ before, want []string }{
		"its own":     {[]string{"app.sh", "upload.http", "agents.sh", "notes.md"}, []string{"agents.sh", "app.sh", "upload.http"}},
		"agents only": {[]string{"agents.sh"}, []string{"agents.sh", "product.sh"}},
		"none":        {nil, []string{"product.sh"}},
	} {
		root := product(t)
		one, two, three := []sample{{name: "a", evr: "1-1.el9", arch: "x86_64"}}, []sample{{name: "a", evr: "2-1.el9", arch: "x86_64"}}, []sample{{name: "a", evr: "3-1.el9", arch: "x86_64"}}
		makeJump(t, input(t, root, "1.0", one, "2.0", two))
		if err := os.RemoveAll(filepath.Join(root, "specs/1.0-2.0/certify")); err != nil {
			t.Fatal(err)
		}
		for _, file := range tt.before {
			writeFile(t, root, "specs/1.0-2.0/certify/"+file, "x\n")
			if file == release.AgentsScript { // which a jump without agents must not have
				spec := filepath.Join(root, "specs/1.0-2.0/upgrade.yaml")
				text, err := os.ReadFile(spec)
				if err != nil {
					t.Fatal(err)
				}
				writeFile(t, root, "specs/1.0-2.0/upgrade.yaml", string(text)+agentsOfAJump)
			}
		}
		var got []string
		for file := range makeJump(t, input(t, root, "2.0", two, "3.0", three)) {
			if check, is := strings.CutPrefix(file, "specs/2.0-3.0/certify/"); is {
				got = append(got, check)
			}
		}
		if slices.Sort(got); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}
