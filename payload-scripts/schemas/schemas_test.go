package schemas

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write the schemas, and what is new into testdata/promised.txt")

// TestSchemasAreThoseOfTheTypes: what is published is what is encoded.
func TestSchemasAreThoseOfTheTypes(t *testing.T) {
	for _, a := range answers {
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(tree(t, a.title, a.forms)); err != nil {
			t.Fatal(err)
		}
		file := a.name + extension
		if *update {
			if err := os.WriteFile(file, want.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s is not what its type says (%v): go test ./payload-scripts/schemas -update", file, err)
		}
		value, err := jsonschema.UnmarshalJSON(&want)
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource("a.json", value); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Compile("a.json"); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

const promised = "testdata/promised.txt"

// TestNothingIsTakenBack: a key that programs were told of stays, with its type, and one that always came comes always; so
// does a word. What is new is added to the list, by -update, which takes nothing out of it.
func TestNothingIsTakenBack(t *testing.T) {
	var now []string
	for _, a := range answers {
		for _, f := range a.forms {
			name := a.name
			if f.name != "" {
				name += " of " + f.name
			}
			root := tree(t, a.title, []form{f})
			for _, p := range promises(root, root, "") {
				now = append(now, name+": "+p)
			}
		}
	}
	text, err := os.ReadFile(promised)
	if err != nil && !*update {
		t.Fatal(err)
	}
	before := strings.Split(strings.TrimSpace(string(text)), "\n")
	if broken := broken(before, now); len(broken) > 0 {
		t.Errorf("docs/answers.md promises that these stay as they are:\n%s", strings.Join(broken, "\n"))
		return
	}
	if *update {
		if err := os.WriteFile(promised, []byte(strings.Join(now, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, line := range now {
		if !slices.Contains(before, line) {
			t.Errorf("it is new, and nobody is told: %s: go test ./payload-scripts/schemas -update", line)
		}
	}
}

// broken are the promises that do not hold any more. To come always is more than to come sometimes.
func broken(before, now []string) (out []string) {
	for _, line := range before {
		more := strings.Replace(line, " sometimes ", " always ", 1)
		if line != "" && !slices.Contains(now, line) && !slices.Contains(now, more) {
			out = append(out, line)
		}
	}
	return out
}

func TestBroken(t *testing.T) {
	t.Parallel()
	now := []string{"check: a always string", "check: b sometimes array", "check: c always integer", "check: c may be x"}
	for line, want := range map[string]bool{
		"check: a always string": false, "check: a sometimes string": false, "check: b always array": true, "check: b sometimes string": true,
		"check: d sometimes string": true, "check: c may be x": false, "check: c may be y": true, "": false,
	} {
		if got := broken([]string{line}, now); (len(got) > 0) != want {
			t.Errorf("%q: broken is %v", line, got)
		}
	}
}

// TestDescriptions: each key and each form says for people what it is.
func TestDescriptions(t *testing.T) {
	for _, a := range answers {
		root := tree(t, a.title, a.forms)
		if len(strings.Fields(root.Title)) < 3 {
			t.Errorf("%s: %q", a.name, root.Title)
		}
		for _, d := range root.Defs {
			for _, p := range append(properties{{key: "", node: d.node}}, d.node.Properties...) {
				if text := p.node.Description; len(strings.Fields(text)) < 2 || strings.Contains(text, "nil") || strings.HasPrefix(text, "Of ") {
					t.Errorf("%s: %s.%s: %q says not what it is", a.name, d.key, p.key, text)
				}
			}
		}
	}
}

// TestNames: the program has each schema.
func TestNames(t *testing.T) {
	t.Parallel()
	var want []string
	for _, a := range answers {
		want = append(want, a.name)
		if text, ok := Read(a.name); !ok || !bytes.Contains(text, []byte(a.title)) {
			t.Errorf("%s: %v", a.name, ok)
		}
	}
	slices.Sort(want)
	if got := Names(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if _, ok := Read("../schemas_test"); ok {
		t.Error("another file is a schema")
	}
}
