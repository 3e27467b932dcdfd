package release_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/mistake"
	"onerpm/bundler/internal/release"
)

// Whatever stands in a spec, reading the project ends with a catalog or with mistakes, each
// in a file that is there and at a line that it has, and twice the same.
func FuzzSpec(f *testing.F) {
	good, err := txtar.ParseFile("testdata/good.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range good.Files {
		if filepath.Base(file.Name) == "upgrade.yaml" {
			f.Add(string(file.Data))
		}
	}
	for _, list := range slips {
		for _, s := range list[:min(len(list), 5)] {
			f.Add("from: 1.1\nto: 2.0\nrevision: 1\n" + s.new + "\n")
		}
	}
	f.Add("from: 1.1\nto: 2.0\nrevision: 1\nservices: [ { unit: a, health: {}, drain: {} } ]\npackages: { skip: { a: {} }, keep: { b: { post: } } }\nstate: [ 1, [] ]\n")
	f.Add("databases: [ { name: a, backfill: [ {} ], expects: {}, migrations: . } ]\nhooks: { switch: [ {} ] }\nagents: {}\nlimits: {}\n")
	f.Add("\r0") // YAML takes a carriage return alone for the end of a line
	root := project(f, new(txtar.Archive))
	path := filepath.Join(root, "specs/1.1-2.0/upgrade.yaml")
	f.Fuzz(func(t *testing.T, spec string) {
		if len(spec) > 8<<10 {
			return
		}
		if err := os.WriteFile(path, []byte(spec), 0o600); err != nil {
			t.Fatal(err)
		}
		cat, err := release.Load(root)
		if err == nil {
			if cat.Specs["1.1-2.0"] == nil {
				t.Errorf("no mistake and no spec: %q", spec)
			}
			return
		}
		var list mistake.List
		if !errors.As(err, &list) || exit.Code(err) != exit.Spec || len(list) == 0 {
			t.Fatalf("%q: %v", spec, err)
		}
		for _, m := range list {
			text, err := os.ReadFile(filepath.Join(root, m.File))
			if err != nil {
				continue // what is missing is a mistake too
			}
			if lines := strings.Count(string(text), "\n") + 1; m.Line > lines || m.Line > 0 && m.Column < 0 {
				t.Errorf("%q: %v is not in the file, which has %d lines", spec, m, lines)
			}
		}
		_, again := release.Load(root)
		if again == nil || again.Error() != err.Error() {
			t.Errorf("%q: read twice, told\n%v\nand\n%v", spec, err, again)
		}
	})
}
