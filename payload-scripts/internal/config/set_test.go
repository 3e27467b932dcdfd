package config

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"onerpm/internal/manifest"
)

// TestSet: what the spec sets, in every format with keys.
func TestSet(t *testing.T) {
	t.Parallel()
	type set = map[string]manifest.Value
	for _, c := range []struct {
		name, format, base, theirs, mine string
		set                              set
		want                             string
	}{
		{"a literal over the host's", "yaml", "a: 1\n", "a: 1\n", "a: 7\n", set{"a": {Literal: "x"}}, "a: x\n"},
		{"a new key", "yaml", "a: 1\n", "a: 1\n", "a: 7\n", set{"b": {Literal: true}}, "a: 7\nb: true\n"},
		{"a new key below new ones", "yaml", "a: 1\n", "a: 1\n", "a: 7\n", set{"b.c.d": {Literal: int64(3)}}, "a: 7\nb:\n  c:\n    d: 3\n"},
		{"at the release's place", "json", `{"a": 1, "z": 1}`, `{"a": 1, "b": "<<b>>", "z": 1}`, `{"a": 7, "z": 1}`, set{"b": {Literal: "x"}}, `{"a": 7, "b": "x", "z": 1}`},
		{"numbers", "json", `{}`, `{}`, `{"a": 1}`, set{"b": {Literal: json.Number("1.50")}, "c": {Literal: 2.5}, "d": {Literal: uint64(9)}, "e": {Literal: 4}}, `{"a": 1, "b": 1.50, "c": 2.5, "d": 9, "e": 4}`},
		{"in env all is text", "env", "A=1\n", "A=1\n", "A=7\n", set{"B": {Literal: 3}, "C": {Literal: "x y"}, "D": {Literal: false}}, "A=7\nB=3\nC='x y'\nD=false\n"},
		{"a key of a section", "env", "[s]\nA=1\n", "[s]\nA=1\n", "[s]\nA=7\n", set{"s.A": {Literal: "x"}}, "[s]\nA=x\n"},
		{"a new key of a section", "env", "[s]\nA=1\n[t]\nC=1\n", "[s]\nA=1\nB=\n[t]\nC=1\n", "[s]\nA=7\n[t]\nC=1\n", set{"s.B": {Literal: "x"}}, "[s]\nA=7\nB=x\n[t]\nC=1\n"},
		{"the first key of a section", "env", "[s]\nA=1\n[t]\n", "[s]\nA=1\n[t]\nB=\n", "[s]\nA=7\n[t]\n", set{"t.B": {Random: 4}}, "[s]\nA=7\n[t]\nB=abab\n"},
		{"a copy into another section", "env", "[s]\nA=1\n[t]\nB=1\n", "[s]\nA=1\n[t]\nB=1\nC=\n", "[s]\nA=7\n[t]\nB=1\n", set{"t.C": {Copy: "s.A"}}, "[s]\nA=7\n[t]\nB=1\nC=7\n"},
		{"random, once", "yaml", "a: 1\n", "a: 1\n", "a: 7\n", set{"s": {Random: 6}}, "a: 7\ns: ababab\n"},
		{"random, there already", "yaml", "a: 1\n", "a: 1\n", "a: 7\ns: mine\n", set{"s": {Random: 6}}, "a: 7\ns: mine\n"},
		{"random, there but empty", "yaml", "a: 1\n", "a: 1\n", "a: 7\ns: ''\n", set{"s": {Random: 6}}, "a: 7\ns: 'ababab'\n"},
		{"random, there by a merge key", "yaml", "a: 1\n", "a: 1\n", "x: &x {s: mine}\n<<: *x\na: 7\n", set{"s": {Random: 6}}, "x: &x {s: mine}\n<<: *x\na: 7\ns: mine\n"},
		{"a copy", "env", "A=1\n", "A=1\nB=\n", "A=7\n", set{"B": {Copy: "A"}}, "A=7\nB=7\n"},
		{"a copy of a copy", "env", "A=1\n", "A=1\n", "A=7\n", set{"C": {Copy: "B"}, "B": {Copy: "A"}}, "A=7\nB=7\nC=7\n"},
		{"a renamed key", "env", "A=1\nB=1\n", "X=1\nB=1\n", "A=7\nB=1\n", set{"X": {Copy: "A"}}, "X=7\nB=1\n"},
		{"a renamed key in quotes", "env", "A=1\n", "X=1\n", "A='it is $5'\n", set{"X": {Copy: "A"}}, "X='it is $5'\n"},
		{"a renamed key, merged before", "env", "A=1\n", "X=1\n", "X=7\n", set{"X": {Copy: "A"}}, "X=7\n"},
		{"a renamed key of YAML", "yaml", "db: {host: h}\n", "database: {host: h}\n", "db: {host: mine}\n", set{"database.host": {Copy: "db.host"}}, "database:\n  host: mine\n"},
		{"a copy of an alias", "yaml", "a: 1\n", "a: 1\n", "x: &x v\na: *x\n", set{"b": {Copy: "a"}}, "x: &x v\na: *x\nb: v\n"},
		{"in ini all is text", "ini", "[s]\na = 1\n", "[s]\na = 1\n", "[s]\na = 7\n", set{"s.b": {Literal: 3}, "s.c": {Literal: "x y"}, "t.d.e": {Literal: false}, "g": {Literal: 1.5}}, "g = 1.5\n[s]\na = 7\nb = 3\nc = x y\n\n[t]\nd.e = false\n"},
		{"a section with a dot", "ini", "[s.t]\na = 1\n", "[s.t]\na = 1\n", "[s.t]\na = 7\n", set{"s.t.b.c": {Literal: "x"}}, "[s.t]\na = 7\nb.c = x\n"},
		{"a renamed key of INI", "ini", "[db]\nhost = a\n", "[database]\nhost = a\n", "[db]\nhost = mine ; c\n", set{"database.host": {Copy: "db.host"}}, "[database]\nhost = mine ; c\n"},
		{"random in INI", "ini", "[s]\na = 1\n", "[s]\na = 1\nb = <<x>>\n", "[s]\na = 7\n", set{"s.b": {Random: 4}}, "[s]\na = 7\nb = abab\n"},
		{"kinds in TOML", "toml", "a = 1\n", "a = 1\n", "a = 7\n", set{"b": {Literal: "it's"}, "c": {Literal: true}, "d": {Literal: json.Number("1.50")}, "t.u.e": {Literal: 3}, "f": {Random: 4}}, "a = 7\nb = \"it's\"\nc = true\nd = 1.50\nf = \"abab\"\n\n[t]\n[t.u]\ne = 3\n"},
		{"a renamed key of TOML", "toml", "[db]\nport = 1\n", "[database]\nport = 1\n", "[db]\nport = 7 # ours\n", set{"database.port": {Copy: "db.port"}}, "[database]\nport = 7\n"},
		{"in .properties all is text", "properties", "a.b=1\n", "a.b=1\n", "a.b = 7\n", set{"a.c": {Literal: 3}, "d": {Literal: " é"}, "a.e": {Random: 4}}, "a.b = 7\na.c = 3\na.e = abab\nd = \\ \\u00e9\n"},
		{"a renamed key of .properties", "properties", "a.b=1\n", "x.y=1\n", "a.b=http\\://h\n", set{"x.y": {Copy: "a.b"}}, "x.y=http\\://h\n"},
		{"a key with dots", "json", `{"a.b": 1}`, `{"a.b": 1}`, `{"a.b": 7}`, set{"a.b": {Literal: "x"}}, `{"a.b": "x"}`},
	} {
		got := merged(Input{Format: c.format, Base: []byte(c.base), Theirs: []byte(c.theirs), Mine: []byte(c.mine), Set: c.set})
		if got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

// broken is a source of random bytes that has none.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestSetErrors(t *testing.T) {
	t.Parallel()
	type set = map[string]manifest.Value
	for _, c := range []struct {
		name, format, mine string
		set                set
		random             io.Reader
		want               string
	}{
		{"nothing", "yaml", "a: 1\n", set{"a": {}}, entropy{}, "exactly one of"},
		{"two things", "yaml", "a: 1\n", set{"a": {Literal: "x", Random: 3}}, entropy{}, "exactly one of"},
		{"too long", "yaml", "a: 1\n", set{"a": {Random: 5000}}, entropy{}, "not between 1 and 4096"},
		{"below zero", "yaml", "a: 1\n", set{"a": {Random: -1}}, entropy{}, "not between 1 and 4096"},
		{"a list", "yaml", "a: 1\n", set{"a": {Literal: []any{1}}}, entropy{}, "must be a string, a bool or a number"},
		{"no number", "yaml", "a: 1\n", set{"a": {Literal: nan}}, entropy{}, "write NaN"},
		{"no source", "yaml", "a: 1\n", set{"a": {Random: 3}}, nil, "no source of random bytes"},
		{"a broken source", "yaml", "b: 1\n", set{"a": {Random: 3}}, broken{}, "read random bytes"},
		{"a circle", "yaml", "a: 1\n", set{"b": {Copy: "c"}, "c": {Copy: "b"}}, entropy{}, "in a circle"},
		{"a copy of nothing", "yaml", "a: 1\n", set{"b": {Copy: "nothing"}}, entropy{}, "a copy of nothing, which the host's file does not have"},
		{"below a value", "yaml", "a: 1\n", set{"a.b": {Literal: "x"}}, entropy{}, "a key above it is no mapping"},
		{"in a list", "yaml", "- 1\n", set{"a": {Literal: "x"}}, entropy{}, "the file is no mapping"},
		{"no key of env", "env", "A=1\n", set{"B C": {Literal: "x"}}, entropy{}, "cannot be a key"},
		{"a line break in INI", "ini", "[s]\na = 1\n", set{"s.a": {Literal: "x\n[y]"}}, entropy{}, "line 2 of a value"},
		{"a comment in INI", "ini", "[s]\na = 1\n", set{"s.a": {Literal: "x ; y"}}, entropy{}, "begin a comment"},
		{"no key of INI", "ini", "[s]\na = 1\n", set{"s.b:c": {Literal: "x"}}, entropy{}, "cannot be a key"},
		{"no number of TOML", "toml", "a = 1\n", set{"b": {Literal: json.Number("08")}}, entropy{}, "would not be readable"},
		{"no value of env", "env", "A=1\n", set{"A": {Literal: "x\ry"}}, entropy{}, "carriage return"},
	} {
		in := Input{Format: c.format, Base: []byte(c.mine), Theirs: []byte(c.mine), Mine: []byte(c.mine), Set: c.set, Random: c.random}
		r, err := Merge(in)
		if err == nil || !strings.Contains(err.Error(), c.want) || r.Out != nil {
			t.Errorf("%s: %v, %q; want %q", c.name, err, r.Out, c.want)
		}
	}
}

var nan = func() float64 { zero := 0.0; return zero / zero }()

// TestCopiedKeyIsNoConflict: what the new release drops lives on under another name, so
// the host's own value of it needs nobody's decision; without the copy it does.
func TestCopiedKeyIsNoConflict(t *testing.T) {
	t.Parallel()
	in := Input{Format: "env", Base: []byte("A=\n"), Theirs: []byte("X=\n"), Mine: []byte("A=mine\n"), Set: map[string]manifest.Value{"X": {Copy: "A"}}}
	for name, merge := range map[string]func(Input) (Result, error){"Merge": Merge, "MergePackaged": MergePackaged} {
		if r, err := merge(in); err != nil || len(r.Conflicts) > 0 || string(r.Out) != "X=mine\n" {
			t.Errorf("%s: %+v, %v: %q", name, r.Conflicts, err, r.Out)
		}
	}
	in.Set = nil
	if r, err := Merge(in); err != nil || len(r.Conflicts) != 1 || r.Conflicts[0].Key != "A" {
		t.Errorf("without the copy: %+v, %v", r, err)
	}
}

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	for want, err := range map[string]error{
		"read the old release's file: cause":                     &ParseError{"base", cause},
		"read the new release's file: cause":                     &ParseError{"theirs", cause},
		"read the host's file: cause":                            &ParseError{"mine", cause},
		"write the merged file: cause":                           &FormError{cause},
		"no value is known for a <<x>>, b: the spec must set it": &UnknownValueError{[]string{"a <<x>>", "b"}},
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
		if _, names := err.(*UnknownValueError); !names && !errors.Is(err, cause) { //nolint:errorlint // its own type
			t.Errorf("%q does not tell its cause", want)
		}
	}
}
