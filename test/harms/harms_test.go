// Package harms builds bundles that do harm, one each, and wants bundler certify to fail and to name it, by the scenario to
// which the harm belongs; and it wants the bundle without harm to pass three times in a row.
//
// It takes half an hour on test machines of the project's own, one after the other, and has a make target of its own
// (make test-harms). One harm alone: go test ./test/harms -run 'TestHarms/a_rule'.
package harms

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onerpm/test/host"
)

const (
	root     = "../.."
	jump     = "4.1.1-4.2.0"
	platform = host.Usual + ".x86_64"
	bundle   = "dist/cloudify-upgrade-4.2.0.rpm"
)

// TestTable wants thirty harms at least, of every kind, forward and back.
func TestTable(t *testing.T) {
	t.Parallel()
	scenarios := []string{"fresh", "failing", "load", "way-back", "agents"}
	seen := map[string]bool{}
	for _, h := range table {
		if !slices.Contains(kinds, h.kind) || !slices.Contains(scenarios, h.scenario) || h.says == "" || seen[h.scenario+h.name] {
			t.Errorf("%+v", h)
		}
		seen[h.kind], seen[h.scenario], seen[h.scenario+h.name] = true, true, true
	}
	for _, want := range slices.Concat(kinds, scenarios) {
		if !seen[want] {
			t.Errorf("no harm is of %s", want)
		}
	}
	if len(table) < 30 {
		t.Errorf("there are %d harms", len(table))
	}
}

func TestHarms(t *testing.T) {
	p := newProject(t)
	for _, h := range table {
		t.Run(h.scenario+": "+h.name, func(t *testing.T) {
			p.reset(t)
			p.harm(t, h)
			p.build(t)
			c, told := p.certify(t, h.scenario)
			if c.Outcome != "failed" || len(c.Scenarios) != 1 || !strings.Contains(c.Scenarios[0].Reason, h.says) {
				t.Errorf("it does not say %q:\n%+v\n%s", h.says, c, told)
			}
			t.Log(c.Scenarios)
		})
	}
}

// TestUnharmed wants the bundle as it is to pass, again and again.
func TestUnharmed(t *testing.T) {
	p := newProject(t)
	p.reset(t)
	p.build(t)
	for range 3 {
		if c, told := p.certify(t, "fresh", "failing", "load", "way-back", "agents"); c.Outcome != "passed" || len(c.Scenarios) != 5 {
			t.Fatalf("%+v\n%s", c, told)
		}
	}
}

// certified is what is read of certify --json.
type certified struct {
	Outcome   string
	Scenarios []struct{ Name, Outcome, Reason string }
}

// project is a copy of this one.
type project struct{ dir, bundler, engine string }

// newProject copies all but what is made, which it uses.
func newProject(t *testing.T) project {
	t.Helper()
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	p := project{dir: t.TempDir(), bundler: filepath.Join(t.TempDir(), "bundler"), engine: filepath.Join(here, "dist/engine")}
	for _, name := range []string{"go.mod", "go.sum", "internal", "test", "versions", "specs"} {
		copied(t, filepath.Join(here, name), filepath.Join(p.dir, name))
	}
	if err := errors.Join(os.Mkdir(filepath.Join(p.dir, "dist"), 0o755), os.Symlink(filepath.Join(here, "dist/components"), filepath.Join(p.dir, "dist/components"))); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", p.bundler, "./bundler")
	cmd.Dir = here
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the bundler: %v\n%s", err, out)
	}
	return p
}

// reset puts the files that a release engineer writes back.
func (p project) reset(t *testing.T) {
	t.Helper()
	for _, name := range []string{"versions", "specs"} {
		if err := os.RemoveAll(filepath.Join(p.dir, name)); err != nil {
			t.Fatal(err)
		}
		copied(t, filepath.Join(root, name), filepath.Join(p.dir, name))
	}
}

func copied(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if err == nil && info.IsDir() {
		err = os.CopyFS(to, os.DirFS(from))
	} else if err == nil {
		var text []byte
		if text, err = os.ReadFile(from); err == nil {
			err = os.WriteFile(to, text, 0o600)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Where hooks stand in the spec: behind the one of the switch.
const hooksEnd = "      undo: hooks/internal-ca-undo\n      timeout: 20s\n"

// harm writes a harm into the project.
func (p project) harm(t *testing.T, h harm) {
	t.Helper()
	spec := "specs/" + jump + "/upgrade.yaml"
	hook := func(text string) string { return "#!/bin/sh\nset -eu\ncd /\n" + text + "\n" }
	entry := "    - run: hooks/harm\n      timeout: 50s\n"
	switch {
	case h.open != "":
		p.edit(t, spec, hooksEnd, hooksEnd+"  open:\n"+entry)
		p.write(t, "specs/"+jump+"/hooks/harm", hook(h.open), 0o755)
	case h.prepare != "":
		p.edit(t, spec, hooksEnd, hooksEnd+"  prepare:\n"+entry)
		p.write(t, "specs/"+jump+"/hooks/harm", hook(h.prepare), 0o755)
	case h.undo != "":
		p.edit(t, spec, hooksEnd, hooksEnd+"    - run: hooks/harm\n      undo: hooks/harm-undo\n      timeout: 50s\n")
		p.write(t, "specs/"+jump+"/hooks/harm", hook("true"), 0o755)
		p.write(t, "specs/"+jump+"/hooks/harm-undo", hook(h.undo), 0o755)
	}
	if h.limits != "" {
		p.edit(t, spec, "\ncertify:\n", "\ncertify:\n"+h.limits)
	}
	if h.window != "" {
		p.edit(t, spec, "\n  window: 60s\n", "\n  window: "+h.window+"\n")
	}
	for name, text := range h.files {
		p.write(t, name, text, 0o644)
	}
	if h.replace[0] != "" {
		p.edit(t, h.replace[0], h.replace[1], h.replace[2])
	}
}

func (p project) edit(t *testing.T, name, was, is string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), was); n != 1 {
		t.Fatalf("%s has %q %d times", name, was, n)
	}
	p.write(t, name, strings.Replace(string(text), was, is, 1), 0o644)
}

func (p project) write(t *testing.T, name, text string, mode fs.FileMode) {
	t.Helper()
	path := filepath.Join(p.dir, name)
	if err := errors.Join(os.WriteFile(path, []byte(text), mode), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
}

func (p project) build(t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.bundler, "build", jump, "--engine", p.engine)
	cmd.Dir = p.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
}

// certify runs scenarios on the project's own machines. One that fails is no error: the caller looks.
func (p project) certify(t *testing.T, scenarios ...string) (c certified, told string) {
	t.Helper()
	args := []string{"certify", bundle, "--local", "--platform", platform, "--json"}
	for _, s := range scenarios {
		args = append(args, "--only", s)
	}
	cmd := exec.CommandContext(t.Context(), p.bundler, args...)
	cmd.Dir = p.dir
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 14) {
		t.Fatalf("certify: %v\n%s", err, errs.String())
	}
	if err := json.Unmarshal([]byte(out.String()), &c); err != nil {
		t.Fatalf("certify: %v\n%s\n%s", err, out.String(), errs.String())
	}
	return c, errs.String()
}
