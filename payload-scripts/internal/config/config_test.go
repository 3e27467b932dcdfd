package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"onerpm/internal/manifest"
)

var update = flag.Bool("update", false, "write what the merges give into testdata")

// entropy is a random source that is not random: 0xab for ever.
type entropy struct{}

func (entropy) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 0xab
	}
	return len(p), nil
}

// TestGolden runs every testdata/*.txtar: input is JSON of format, set and
// policy; base, theirs and mine may be missing; out and report are what comes of it.
func TestGolden(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no test data", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			golden(t, name)
		})
	}
}

func golden(t *testing.T, name string) {
	ar, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	in, want := inputOf(t, ar)
	r, err := Merge(in)
	report := reportOf(r, err)
	if *update {
		save(t, name, ar, r, report)
		return
	}
	if report != string(want["report"]) {
		t.Errorf("report:\n%swant:\n%s", report, want["report"])
	}
	if !bytes.Equal(r.Out, want["out"]) {
		t.Errorf("out:\n%swant:\n%s", r.Out, want["out"])
	}
	if err == nil && len(r.Conflicts) == 0 && !r.Gone {
		in.Mine = r.Out
		again, err := Merge(in)
		if err != nil || !bytes.Equal(again.Out, r.Out) {
			t.Errorf("merged again: %v\n%s", err, again.Out)
		}
	}
}

func inputOf(t *testing.T, ar *txtar.Archive) (Input, map[string][]byte) {
	files := map[string][]byte{}
	for _, f := range ar.Files {
		files[f.Name] = f.Data
	}
	var spec struct {
		Format string
		Set    map[string]manifest.Value
		Policy map[string]manifest.Side
		CRLF   bool
		Chop   bool // mine has no line break at its end
	}
	if err := json.Unmarshal(files["input"], &spec); err != nil {
		t.Fatal(err)
	}
	mine := files["mine"]
	if spec.CRLF {
		mine = bytes.ReplaceAll(mine, []byte("\n"), []byte("\r\n"))
		files["out"] = bytes.ReplaceAll(files["out"], []byte("\n"), []byte("\r\n"))
	}
	if spec.Chop {
		mine = bytes.TrimSuffix(mine, []byte("\n"))
	}
	return Input{Format: spec.Format, Base: files["base"], Theirs: files["theirs"], Mine: mine, Set: spec.Set, Policy: spec.Policy, Random: entropy{}}, files
}

func reportOf(r Result, err error) string {
	var b strings.Builder
	if err != nil {
		fmt.Fprintln(&b, "error:", err)
	}
	if r.Gone {
		fmt.Fprintln(&b, "gone")
	}
	for _, c := range r.Changes {
		fmt.Fprintf(&b, "%s %s by %s: %q -> %q\n", c.Kind, c.Key, c.By, c.From, c.To)
	}
	for _, c := range r.Conflicts {
		fmt.Fprintf(&b, "conflict %s: base %q theirs %q mine %q\n", c.Key, c.Base, c.Theirs, c.Mine)
	}
	return b.String()
}

func save(t *testing.T, name string, ar *txtar.Archive, r Result, report string) {
	out := &txtar.Archive{Comment: ar.Comment}
	for _, f := range ar.Files {
		if f.Name != "out" && f.Name != "report" {
			out.Files = append(out.Files, f)
		}
	}
	if len(r.Out) > 0 {
		out.Files = append(out.Files, txtar.File{Name: "out", Data: bytes.ReplaceAll(r.Out, []byte("\r"), nil)})
	}
	out.Files = append(out.Files, txtar.File{Name: "report", Data: []byte(report)})
	if err := os.WriteFile(name, txtar.Format(out), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	big := bytes.Repeat([]byte("#"), MaxSize+1)
	deep := []byte(strings.Repeat("[", 1<<18))
	for name, c := range map[string]struct {
		in   Input
		file string // of a ParseError
	}{
		"format":         {Input{Format: "hocon", Mine: []byte("x")}, ""},
		"size":           {Input{Format: "env", Base: []byte(""), Theirs: []byte("A=1"), Mine: big}, "mine"},
		"yaml size":      {Input{Format: "yaml", Base: []byte(""), Theirs: []byte("A: 1"), Mine: big[:256<<10+1]}, "mine"},
		"zero byte":      {Input{Format: "text", Base: []byte(""), Theirs: []byte("A=1"), Mine: []byte("a\x00")}, "mine"},
		"not utf-8":      {Input{Format: "json", Base: []byte("{}"), Theirs: []byte(`{"a":1}`), Mine: []byte("{\"a\xff\":1}")}, "mine"},
		"json":           {Input{Format: "json", Base: []byte("{}"), Theirs: []byte(`{"a":1}`), Mine: []byte("{\n\"a\":")}, "mine"},
		"json twice":     {Input{Format: "json", Base: []byte("{}"), Theirs: []byte(`{"a":1}`), Mine: []byte(`{"b":1,"b":2}`)}, "mine"},
		"json deep":      {Input{Format: "json", Base: []byte("{}"), Theirs: []byte(`{"a":1}`), Mine: deep}, "mine"},
		"json trailing":  {Input{Format: "json", Base: []byte("{}"), Theirs: []byte(`{"a":1} x`), Mine: []byte("{}")}, "theirs"},
		"yaml":           {Input{Format: "yaml", Base: []byte("a: 1"), Theirs: []byte("a: 2"), Mine: []byte("a: [")}, "mine"},
		"yaml deep":      {Input{Format: "yaml", Base: []byte("a: 1"), Theirs: []byte("a: 2"), Mine: deep}, "mine"},
		"yaml alias":     {Input{Format: "yaml", Base: []byte("a: 1"), Theirs: []byte("a: 2"), Mine: []byte("a: 1\nb: *x\n")}, "mine"},
		"yaml documents": {Input{Format: "yaml", Base: []byte("a: 1"), Theirs: []byte("a: 2"), Mine: []byte("a: 1\n---\na: 2\n")}, "mine"},
		"env quote":      {Input{Format: "env", Base: []byte("A=1"), Theirs: []byte("A=2"), Mine: []byte("A='1\n")}, "mine"},
		"ini twice":      {Input{Format: "ini", Base: []byte("a=1"), Theirs: []byte("a=2"), Mine: []byte("a=1\na=2\n")}, "mine"},
		"ini line":       {Input{Format: "ini", Base: []byte("a=1"), Theirs: []byte("a"), Mine: []byte("a=1\n")}, "theirs"},
		"toml":           {Input{Format: "toml", Base: []byte("a=1"), Theirs: []byte("a=2"), Mine: []byte("a=x\n")}, "mine"},
		"toml table":     {Input{Format: "toml", Base: []byte("[a]\n[a]\n"), Theirs: []byte("a=2"), Mine: []byte("a=1\n")}, "base"},
		"properties":     {Input{Format: "properties", Base: []byte("a=1"), Theirs: []byte("a=2"), Mine: []byte("a=\\u12\n")}, "mine"},
		"lines":          {Input{Format: "text", Base: []byte("A=1"), Theirs: []byte("A=2"), Mine: bytes.Repeat([]byte("\n"), maxLines+1)}, "mine"},
		"empty value":    {Input{Format: "env", Mine: []byte(""), Set: map[string]manifest.Value{"A": {}}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := Merge(c.in)
			if err == nil || r.Out != nil {
				t.Fatalf("%v, %q", err, r.Out)
			}
			var parse *ParseError
			if errors.As(err, &parse) != (c.file != "") || parse != nil && parse.File != c.file {
				t.Errorf("%v", err)
			}
		})
	}
}
