package config

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"onerpm/internal/hostconf/placeholder"
	"onerpm/internal/manifest"
)

// TestJumps merges every configuration file of every jump in specs/ for a host
// that is as the old release's bootstrap left it, with values of its own behind
// the placeholders: there is no conflict, nothing unknown, and the host's values stay.
func TestJumps(t *testing.T) {
	t.Parallel()
	const top = "../../.."
	specs, err := filepath.Glob(top + "/specs/*/upgrade.yaml")
	if err != nil || len(specs) == 0 {
		t.Fatal("no specs", err)
	}
	for _, spec := range specs {
		from, to, _ := strings.Cut(filepath.Base(filepath.Dir(spec)), "-")
		rules := readSpec(t, spec)
		seen := map[string]bool{}
		for _, release := range []string{from, to} {
			dir := filepath.Join(top, "versions", release, "config")
			err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				target := strings.TrimPrefix(p, dir)
				if seen[target] {
					return nil
				}
				seen[target] = true
				t.Run(from+"-"+to+target, func(t *testing.T) {
					t.Parallel()
					in := rules[target]
					if in.Format == "" {
						in.Format = formatOf(target)
					}
					in.Base = side(t, filepath.Join(top, "versions", from, "config", target))
					in.Theirs = side(t, filepath.Join(top, "versions", to, "config", target))
					jump(t, in)
				})
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// formatOf is the format of a file that no spec says one of.
func formatOf(target string) string {
	switch ext := filepath.Ext(target); {
	case ext == ".json":
		return "json"
	case ext == ".yaml" || ext == ".yml":
		return "yaml"
	case strings.HasPrefix(target, "/etc/sysconfig/"):
		return "env"
	}
	return "text"
}

func side(t *testing.T, path string) []byte {
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func jump(t *testing.T, in Input) {
	in.Random = entropy{}
	if in.Base != nil {
		in.Mine = rendered(in.Base)
	}
	r, err := Merge(in)
	if err != nil || len(r.Conflicts) > 0 || r.Gone != (in.Theirs == nil) {
		t.Fatalf("%v\n%s", err, reportOf(r, nil))
	}
	if r.Gone {
		return
	}
	for _, c := range r.Changes {
		if c.Kind == Kept {
			t.Errorf("%s: not taken for the old release's", c.Key)
		}
	}
	want := rendered(in.Theirs)
	if len(in.Set) == 0 && in.Base != nil && !bytes.Equal(r.Out, want) {
		t.Errorf("merged:\n%s\nthe release:\n%s", r.Out, want)
	}
	in.Mine = r.Out
	again, err := Merge(in)
	if err != nil || !bytes.Equal(again.Out, r.Out) {
		t.Errorf("merged again: %v\n%s", err, again.Out)
	}
}

// rendered is a release's file with the host's values in it.
func rendered(file []byte) []byte {
	text, _ := placeholder.Parse(string(file)).Fill(func(name string) (string, bool) { return "host-" + name, true })
	return []byte(text)
}

// readSpec reads what the merge needs of a spec; the rest is the bundler's.
func readSpec(t *testing.T, path string) map[string]Input {
	var spec struct {
		Config []struct {
			Target string                   `yaml:"target"`
			Format string                   `yaml:"format"`
			Set    map[string]any           `yaml:"set"`
			Policy map[string]manifest.Side `yaml:"policy"`
		} `yaml:"config"`
	}
	if err := yaml.Unmarshal(side(t, path), &spec); err != nil {
		t.Fatal(err)
	}
	out := map[string]Input{}
	for _, c := range spec.Config {
		in := Input{Format: c.Format, Policy: c.Policy, Set: map[string]manifest.Value{}}
		for key, v := range c.Set {
			rule, is := v.(map[string]any)
			if !is {
				in.Set[key] = manifest.Value{Literal: v}
				continue
			}
			text, _ := rule["copy"].(string)
			n, _ := rule["random"].(uint64)
			in.Set[key] = manifest.Value{Copy: text, Random: int(n)}
		}
		out[c.Target] = in
	}
	return out
}
