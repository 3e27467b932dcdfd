package strictyaml_test

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"onerpm/bundler/internal/strictyaml"
	"onerpm/internal/manifest"
)

type thing struct {
	Name    string            `yaml:"name"`
	Count   int               `yaml:"count"`
	Big     int64             `yaml:"big"`
	On      bool              `yaml:"on"`
	Within  manifest.Duration `yaml:"within"`
	List    []string          `yaml:"list"`
	Parts   []part            `yaml:"parts"`
	Part    *part             `yaml:"part"`
	Labels  map[string]string `yaml:"labels"`
	Set     map[string]value  `yaml:"set"`
	Nested  map[string]map[string]string
	Ignored string `yaml:"-"`
}

type part struct {
	Unit string        `yaml:"unit"`
	Only manifest.Side `yaml:"only"`
}

type value struct {
	Literal any    `yaml:",scalar"`
	Random  int    `yaml:"random"`
	Copy    string `yaml:"copy"`
}

func TestDecodeJSON(t *testing.T) {
	t.Parallel()
	var got struct {
		Any map[string]manifest.JSON `yaml:"any"`
	}
	src := "any:\n  a: { b: [1, 1.0, -0.0, true, null, '1', <x>], a: {} }\n  n: null\n  t: |\n    two\n    lines\n"
	if _, list := strictyaml.Decode("f.yaml", []byte(src), &got); len(list) > 0 {
		t.Fatal(list)
	}
	want := map[string]manifest.JSON{"a": manifest.JSON(`{"b":[1,1.0,-0.0,true,null,"1","<x>"],"a":{}}`), "n": manifest.JSON("null"), "t": manifest.JSON(`"two\nlines\n"`)}
	if !reflect.DeepEqual(got.Any, want) {
		t.Errorf("%s", got.Any)
	}
	for src, want := range map[string]string{
		"any:\n  a: { b: &x 1 }\n":        "anchors, aliases",
		"any:\n  a: { b: 1, b: 2 }\n":     "stands here twice",
		"any:\n  a: [ .inf ]\n":           "f.yaml:2:8",
		"any:\n  a: 0x10\n":               "is read as one number here",
		"any:\n  a: [ 'DECIDE: this' ]\n": "still to be decided: this",
	} {
		if _, list := strictyaml.Decode("f.yaml", []byte(src), &got); len(list) != 1 || !strings.Contains(list.Error(), want) {
			t.Errorf("%q: %v, want %s", src, list, want)
		}
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	src := `# a comment
name: 4.10
count: 3
big: 5000000000
on: true
within: 90s
list: [a, "b", 'c d', 7]
parts:
  - unit: nginx
    only: old
  - { unit: x }
part:
  unit: |
    two
    lines
labels: { a.b: 1, "c": yes }
set:
  a: text
  b: 12
  c: 1.5
  d: false
  e: { random: 32 }
  f:
    copy: a
`
	var got thing
	doc, mistakes := strictyaml.Decode("x.yaml", []byte(src), &got)
	if err := mistakes.Err(); err != nil {
		t.Fatal(err)
	}
	want := thing{
		Name: "4.10", Count: 3, Big: 5e9, On: true, Within: manifest.Duration(90e9),
		List:   []string{"a", "b", "c d", "7"},
		Parts:  []part{{"nginx", manifest.Old}, {"x", ""}},
		Part:   &part{Unit: "two\nlines\n"},
		Labels: map[string]string{"a.b": "1", "c": "yes"},
		Set: map[string]value{
			"a": {Literal: "text"}, "b": {Literal: int64(12)}, "c": {Literal: 1.5}, "d": {Literal: false},
			"e": {Random: 32}, "f": {Copy: "a"},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if m := doc.Mistake("w", "", "parts", 1, "unit"); m.Line != 11 || m.Column != 13 {
		t.Errorf("parts[1].unit is at %d:%d", m.Line, m.Column)
	}
	if m := doc.Mistake("w", "", "parts", 1, "only"); m.Line != 11 || m.Column != 5 {
		t.Errorf("the nearest thing to parts[1].only is at %d:%d", m.Line, m.Column)
	}
	if doc.Has("parts", 1, "only") || !doc.Has("set", "f", "copy") {
		t.Error("Has is wrong about what is in the file")
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	keys := "allowed: name, count, big, on, within, list, parts, part, labels, set"
	tests := []struct{ name, src, want string }{
		{"empty", "", "x.yaml:1:1: the file is empty"},
		{"only a comment", "# no\n", "x.yaml:1:1: the file is empty"},
		{"unknown key", "nam: x\n", `x.yaml:1:1: unknown key "nam"; did you mean name? ` + keys},
		{"unknown, nothing near", "a: b\nfoobar: x\n", `x.yaml:1:1: unknown key "a"; ` + keys + "\n" + `x.yaml:2:1: unknown key "foobar"; ` + keys},
		{"upper case", "Name: x\n", `x.yaml:1:1: unknown key "Name"; did you mean name? ` + keys},
		{"nested unknown", "parts:\n- unit: a\n  onl: old\n", `x.yaml:3:3: unknown key "onl"; did you mean only? allowed: unit, only`},
		{"twice", "name: a\ncount: 1\nname: b\n", `x.yaml:3:1: key "name" stands here twice; the first is on line 1`},
		{"twice in a map", "labels: {a: 1, a: 2}\n", `x.yaml:1:16: key "a" stands here twice; the first is on line 1`},
		{"second document", "name: a\n---\nname: b\n", `x.yaml:2:1: a second document starts here; a file holds one document`},
		{"no value", "name:\ncount: ~\n", "x.yaml:1:6: no value; write one, or leave the key out\nx.yaml:2:8: no value; write one, or leave the key out"},
		{"wrong types", "count: many\non: yes\nlist: a\nparts: {a: b}\nname: [a]\nlabels: [a]\npart: x\n",
			"x.yaml:1:8: \"many\" is no whole number\n" +
				"x.yaml:2:5: \"yes\" is neither true nor false\n" +
				"x.yaml:3:7: \"a\" where a list is expected\n" +
				"x.yaml:4:8: keys with values where a list is expected\n" +
				"x.yaml:5:7: a list where one value is expected\n" +
				"x.yaml:6:9: a list where a mapping is expected\n" +
				"x.yaml:7:7: \"x\" where a mapping with the keys unit, only is expected"},
		{"fraction", "count: 1.5\n", `x.yaml:1:8: "1.5" is no whole number`},
		{"octal", "count: 010\n", `x.yaml:1:8: "010" is no whole number`},
		{"too big", "count: 99999999999999999999\n", `x.yaml:1:8: "99999999999999999999" is no whole number`},
		{"duration", "within: soon\n", `x.yaml:1:9: "soon" is no duration such as 500ms, 60s or 5m`},
		{"duration as list", "within: [1]\n", `x.yaml:1:9: a list where one value is expected`},
		{"enum", "part: { only: both }\n", `x.yaml:1:15: "both" is neither old nor new`},
		{"octal literal", "set: { a: 0644 }\n", `x.yaml:1:11: 0644 is read as one number here and as another there; write it in decimal, or quote it`},
		{"infinite literal", "set: { a: .inf }\n", `x.yaml:1:11: .inf is no number; quote it when it is text`},
		{"list as value", "set: { a: [1] }\n", `x.yaml:1:11: a list where one value, or a mapping with the keys random, copy is expected`},
		{"anchor", "name: &a x\nlabels: { b: *a }\n",
			"x.yaml:1:7: anchors, aliases and merge keys are not read here; write the value out\n" +
				"x.yaml:2:14: anchors, aliases and merge keys are not read here; write the value out"},
		{"merge", "labels:\n  <<: { a: b }\n", "x.yaml:2:3: a key that is no plain text"},
		{"tag", "name: !!str 5\n", "x.yaml:1:7: tags are not read here; quote the value when it is text"},
		{"not yaml", "name: [a\n", "x.yaml:1:7: not YAML: sequence end token ']' not found"},
		{"tab", "part:\n\tunit: x\n", "x.yaml:2:1: not YAML: found character '\t' that cannot start any token"},
		{"not text", "name: a\x00b\n", "x.yaml:1:8: byte 0x00 is no text; a file is UTF-8 without control characters"},
		{"not UTF-8", "name: a\nlabels: \xff\n", "x.yaml:2:9: byte 0xff is no text; a file is UTF-8 without control characters"},
		{"a list on top", "- a\n", "x.yaml:1:1: a list where a mapping with the keys name, count, big, on, within, list, parts, part, labels, set is expected"},
		{"too large", strings.Repeat("# x\n", 40000), "x.yaml: the file has 160000 bytes; at most 131072"},
		{"too long", strings.Repeat("\n", 5000), "x.yaml:4001:1: the file is too long; at most 4000 lines"},
		{"too much", "list: [" + strings.Repeat("a,", 30000), "x.yaml:1:40005: the file has too many values; at most 20000 of the characters []{},:\"'&*!?|>#"},
		{"too deep", "name: " + strings.Repeat("[", 50), "x.yaml:1:47: nested too deeply; at most 40 brackets may be open"},
		{"too deep in lists", strings.Repeat("- ", 50), "x.yaml:1:1: nested too deeply; at most 40 levels"},
		{"column in characters", "labels: { é: 'ü', é: x }\n", `x.yaml:1:19: key "é" stands here twice; the first is on line 1`},
	}
	for _, tt := range tests {
		_, mistakes := strictyaml.Decode("x.yaml", []byte(tt.src), new(thing))
		if got := mistakes.Error(); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// A bomb of aliases must cost nothing: no alias is followed.
// What a program left to a person is a mistake of its own, whatever type belongs there.
func TestUndecided(t *testing.T) {
	t.Parallel()
	var got thing
	doc, mistakes := strictyaml.Decode("x.yaml", []byte("name: \"DECIDE: who it is\"\nwithin: 'DECIDE:  how long'\nset: { a: \"DECIDE: what\" }\nlist: [DECIDED]\n"), &got)
	want := "x.yaml:1:7: still to be decided: who it is\nx.yaml:2:9: still to be decided: how long\nx.yaml:3:11: still to be decided: what"
	if mistakes.Error() != want || !doc.Broken("within") {
		t.Errorf("got\n%v", mistakes)
	}
}

func TestAliasBomb(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("labels: &a0 { x: y }\n")
	for range 60 {
		b.WriteString("set: &a1 { a: *a0, b: *a0, c: *a0 }\n")
	}
	if _, mistakes := strictyaml.Decode("x.yaml", []byte(b.String()), new(thing)); mistakes.Err() == nil {
		t.Error("aliases were accepted")
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", "name: a\n", "parts:\n- unit: x\n  only: old\n- {}\n", "set: {a: {random: 3}, b: 1.5}\n", "a: &x [*x]\n",
		"? a\n: b\n", "!!map {a: b}\n", "name: |\n  x\n", "name: >-\n  x\n\n  y\n", "--- a\n--- b\n", "labels: {<<: *a}\n", "\"a\": 'b'\r\n", "\rname: a\n", "name: a\r",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 4096 {
			return
		}
		var into thing
		doc, mistakes := strictyaml.Decode("x.yaml", src, &into)
		for _, m := range mistakes {
			if m.What == "" || m.File != "x.yaml" || m.Line < 0 || m.Line > strings.Count(string(src), "\n")+2 {
				t.Errorf("odd mistake %+v", m)
			}
		}
		if mistakes.Err() != nil {
			return
		}
		// What was read without a mistake can be edited, and reads back with the change alone.
		out, err := doc.Edit(src, []strictyaml.Change{{Key: "count", Value: "77", After: []string{"name"}}})
		if err != nil {
			return
		}
		var again thing
		if _, mistakes := strictyaml.Decode("x.yaml", out, &again); mistakes.Err() != nil {
			t.Fatalf("edited to what does not read: %v\n%q\n%q", mistakes, src, out)
		}
		into.Count = 77
		if !reflect.DeepEqual(into, again) {
			t.Errorf("edited to something else:\n%q\n%q", src, out)
		}
	})
}

func TestEdit(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("testdata/edit.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/edited.yaml")
	if err != nil {
		t.Fatal(err)
	}
	changes := func(i int) []strictyaml.Change {
		return []strictyaml.Change{
			{Path: []any{"parts", i}, Key: "sha256", Value: "abc", After: []string{"arch", "name"}},
			{Path: []any{"parts", i}, Key: "size", Value: "42", After: []string{"sha256", "arch", "name"}},
		}
	}
	var all []strictyaml.Change
	for i := range 6 {
		all = append(all, changes(i)...)
	}
	edit := func(src []byte) ([]byte, error) {
		doc, mistakes := strictyaml.Decode("edit.yaml", src, new(locked))
		if err := mistakes.Err(); err != nil {
			t.Fatal(err)
		}
		return doc.Edit(src, all)
	}
	got, err := edit(src)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if again, err := edit(got); err != nil || string(again) != string(got) {
		t.Errorf("a second edit changes it: %v\n%s", err, again)
	}
	crlf := strings.ReplaceAll(string(src), "\n", "\r\n")
	if got, err := edit([]byte(crlf)); err != nil || string(got) != strings.ReplaceAll(string(want), "\n", "\r\n") {
		t.Errorf("line ends are not kept: %v\n%q", err, got)
	}
}

type locked struct {
	Parts []struct {
		Name   string `yaml:"name"`
		Arch   string `yaml:"arch"`
		SHA256 string `yaml:"sha256"`
		Size   int64  `yaml:"size"`
		Last   string `yaml:"last"`
	} `yaml:"parts"`
}

func TestEditRefuses(t *testing.T) {
	t.Parallel()
	for name, src := range map[string]string{
		"several lines": "parts:\n- name: |\n    x\n",
		"no place":      "parts:\n- last: x\n",
		"no mapping":    "parts: []\n",
	} {
		doc, _ := strictyaml.Decode("x.yaml", []byte(src), new(locked))
		out, err := doc.Edit([]byte(src), []strictyaml.Change{{Path: []any{"parts", 0}, Key: "size", Value: "1", After: []string{"name"}}})
		if err == nil || out != nil || !strings.Contains(err.Error(), "x.yaml: set size of parts[0]: ") {
			t.Errorf("%s: %v %q", name, err, out)
		}
		if errors.Unwrap(err) == nil {
			t.Errorf("%s: the cause is lost", name)
		}
	}
}

// A carriage return ends a line only together with a newline: alone, YAML would count a
// line there that no editor shows, and every place below it would be wrong.
func TestCarriageReturn(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"\rname: a\n": "x.yaml:1:1", "name: a\r": "x.yaml:1:8", "name: a\rb\n": "x.yaml:1:8", "name: a\n\r\rcount: 1\n": "x.yaml:2:1", "name: a\r\r\n": "x.yaml:1:8",
		"name: a\r\n": "", "name: a\r\ncount: 1\r\n": "",
	} {
		var into thing
		_, mistakes := strictyaml.Decode("x.yaml", []byte(src), &into)
		got := mistakes.Error()
		if want == "" && got != "" || want != "" && !strings.HasPrefix(got, want+": byte 0x0d is no text") {
			t.Errorf("%q: got %q, want %q", src, got, want)
		}
	}
}
