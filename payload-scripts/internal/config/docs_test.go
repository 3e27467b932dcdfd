package config

import (
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/rogpeppe/go-internal/txtar"

	"onerpm/internal/manifest"
	"onerpm/test/docs"
)

// TestMergesOfTheDocs: what docs/writing-a-jump.md shows of merges is what comes of them, by the spec that it shows above.
func TestMergesOfTheDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/writing-a-jump.md")
	if err != nil {
		t.Fatal(err)
	}
	d, err := docs.Read("docs/writing-a-jump.md", string(text))
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Config []struct {
			Target string
			Set    map[string]any
			Policy map[string]manifest.Side
		}
	}
	n := 0
	for i, b := range d.Blocks {
		if b.How != "TestMergesOfTheDocs" {
			continue
		}
		if d.Blocks[i-1].Language == "yaml" {
			if err := yaml.Unmarshal([]byte(d.Blocks[i-1].Text), &spec); err != nil {
				t.Fatal(err)
			}
		}
		of := spec.Config[n]
		n++
		in := Input{Format: manifest.FormatOf(of.Target), Policy: of.Policy, Set: map[string]manifest.Value{}}
		for key, v := range of.Set {
			if m, is := v.(map[string]any); is {
				in.Set[key] = manifest.Value{Copy: m["copy"].(string)}
			} else {
				in.Set[key] = manifest.Value{Literal: v}
			}
		}
		want := ""
		for _, f := range txtar.Parse([]byte(b.Text)).Files {
			switch f.Name {
			case "old":
				in.Base = f.Data
			case "machine":
				in.Mine = f.Data
			case "new":
				in.Theirs = f.Data
			case "merged":
				want = string(f.Data)
			}
		}
		// The empty line at the end of an example's part parts it from the next one.
		if got := merged(in); strings.TrimRight(got, "\n") != strings.TrimRight(want, "\n") {
			t.Errorf("%s: %s is\n%s\nnot\n%s", b, of.Target, got, want)
		}
	}
	if n != 3 || len(spec.Config) != n {
		t.Errorf("%d examples of %d files", n, len(spec.Config))
	}
}
