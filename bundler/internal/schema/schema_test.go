package schema_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/schema"
	"onerpm/test/comments"
)

var update = flag.Bool("update", false, "write the schemas into bundler/schemas/")

const root = "../../.."

func commented(t *testing.T) schema.Comments {
	t.Helper()
	c, err := comments.Read(root+"/bundler/internal/release", root+"/internal/manifest")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSchemasAreThoseOfTheTypes(t *testing.T) {
	t.Parallel()
	for _, f := range schema.Files {
		want, err := f.Make(commented(t))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(root, "bundler", "schemas", f.Name+".schema.json")
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what its type says (%v): go test ./bundler/internal/schema -update", file, err)
		}
	}
}

// Every rule is about a key that there is, and every key says what it is for.
func TestRulesAndDescriptions(t *testing.T) {
	t.Parallel()
	keys := map[string]bool{}
	for _, f := range schema.Files {
		text, err := f.Make(commented(t))
		if err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		defs, _ := doc["$defs"].(map[string]any)
		for _, s := range append(slices.Collect(maps.Values(defs)), doc) {
			described(t, f.Name, s.(map[string]any), defs, keys)
		}
	}
	for rule := range release.Rules {
		if _, key, _ := strings.Cut(rule, "."); !keys[key] {
			t.Errorf("the rule %s is about no key", rule)
		}
	}
}

// described looks at the keys of one mapping.
func described(t *testing.T, file string, s, defs map[string]any, keys map[string]bool) {
	t.Helper()
	properties, _ := s["properties"].(map[string]any)
	for key, value := range properties {
		keys[key] = true
		p := value.(map[string]any)
		ref, _ := p["$ref"].(string)
		if items, is := p["items"].(map[string]any); is {
			ref, _ = items["$ref"].(string)
		}
		if p["description"] == nil && (ref == "" || defs[path.Base(ref)].(map[string]any)["description"] == nil) {
			t.Errorf("%s: nothing says what %s is", file, key)
		}
	}
	anyOf, _ := s["anyOf"].([]any)
	for _, a := range anyOf {
		described(t, file, a.(map[string]any), defs, keys)
	}
}

func compiled(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	s, err := c.Compile(filepath.Join(root, "bundler", "schemas", name+".schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// valid judges a document as an editor does: YAML as a plain reader takes it.
func valid(t *testing.T, s *jsonschema.Schema, doc any) error {
	t.Helper()
	text, err := yaml.MarshalWithOptions(doc, yaml.JSON())
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(value)
}

func read(t *testing.T, path string) any {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return doc
}

// kindOf is the schema of a file of the project, "" for none.
func kindOf(path string) string {
	switch filepath.Base(path) {
	case "product.yaml":
		return "product"
	case "installed-base.yaml":
		return "installed-base"
	case "upgrade.yaml":
		return "upgrade"
	}
	return "release"
}

func projectFiles(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"versions/*.yaml", "specs/*/upgrade.yaml"} {
		list, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, list...)
	}
	if len(files) < 5 {
		t.Fatalf("the project in %s has only %v", dir, files)
	}
	return files
}

func TestTheProjectsFilesPass(t *testing.T) {
	t.Parallel()
	for _, path := range projectFiles(t, root) {
		if err := valid(t, compiled(t, kindOf(path)), read(t, path)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}
