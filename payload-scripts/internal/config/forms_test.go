package config

import (
	"errors"
	"strings"
	"testing"

	"onerpm/internal/hostconf"
	"onerpm/internal/hostconf/hostconftest"
	"onerpm/internal/manifest"
)

// TestValues: the merge sees a value as every other reader does. Here it copies it.
func TestValues(t *testing.T) {
	t.Parallel()
	for _, c := range hostconftest.Values {
		r, err := Merge(Input{Format: c.Format, Base: []byte(c.Text), Theirs: []byte(c.Text), Mine: []byte(c.Text),
			Set: map[string]manifest.Value{"copied": {Copy: "k"}}})
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		d, err := hostconf.Parse(c.Format, r.Out)
		if err != nil || d.Root.Get("copied") == nil || d.Root.Get("copied").Text != c.Want {
			t.Errorf("%s: %v\n%s", c.Name, err, r.Out)
		}
	}
}

// merged is what a merge gave: the file, or "conflict" with the keys in conflict, or the error.
func merged(in Input) string {
	in.Random = entropy{}
	r, err := Merge(in)
	switch {
	case err != nil:
		return "error: " + err.Error()
	case len(r.Conflicts) > 0:
		var keys []string
		for _, c := range r.Conflicts {
			keys = append(keys, c.Key)
		}
		return "conflict: " + strings.Join(keys, ", ")
	case r.Gone:
		return "gone"
	}
	return string(r.Out)
}

// TestEnvForms: nothing that the new release brings is left out, whatever form its line has.
func TestEnvForms(t *testing.T) {
	t.Parallel()
	const lines = "conflict: " + OtherLines
	for _, c := range []struct {
		name, base, theirs, mine string
		policy                   manifest.Side
		want                     string
	}{
		{"key with a dash", "A=1\n", "A=1\nB-c=2\n", "A=7\n", "", "A=7\nB-c=2\n"},
		{"key with a dot", "A=1\n", "A=1\nb.c=2\n", "A=7\n", "", "A=7\nb.c=2\n"},
		{"blanks around the sign", "A = 1\n", "A = 1\nB = 2\n", "A = 7\n", "", "A = 7\nB = 2\n"},
		{"blanks, changed by the release", "A = 1\nB = 2\n", "A = 1\nB = 3\n", "A = 7\nB = 2\n", "", "A = 7\nB = 3\n"},
		{"key with a dash, both", "a-b=1\n", "a-b=2\n", "a-b=3\n", "", "conflict: a-b"},
		{"a quoted key of the release's", "A=1\n", "A=1\nB=\"x y\" # why\n", "A=7\n", "", "A=7\nB=\"x y\"\n"},
		{"a value that a shell fills", "A=1\n", "A=1\nB=\"$A/x\"\n", "A=7\n", "", "A=7\nB=\"$A/x\"\n"},
		{"a value that no shell fills", "A=1\n", "A=1\nB='$A/x'\n", "A=7\n", "", "A=7\nB='$A/x'\n"},
		{"quotes that change the meaning", "A='$x'\nB=1\n", "A='$x'\nB=2\n", "A=\"$x\"\nB=1\n", "", "A=\"$x\"\nB=2\n"},
		{"quotes that change nothing", "A=1\n", "A=2\n", "A=\"1\"\n", "", "A=\"2\"\n"},
		{"an exported key of the release's", "A=1\n", "A=1\nexport B=x\nexport C='x y'\n", "A=7\n", "", "A=7\nexport B=x\nexport C='x y'\n"},
		{"an exported key with the host's value", "A=<<x>>\n", "A=<<x>>\nexport B=<<x>>\n", "A=7\n", "", "A=7\nexport B=7\n"},
		{"the host's exported value", "A=<<x>>\nC=1\n", "A=<<x>>\nC=1\nB=<<x>>\n", "export A=7\nC=1\n", "", "export A=7\nC=1\nB=7\n"},
		{"a section", "[a]\nx = 1\n", "[a]\nx = 1\ny = 2\n", "[a]\nx = 7\n", "", "[a]\nx = 7\ny = 2\n"},
		{"the same key in two sections", "[a]\nx=1\n[b]\nx=2\n", "[a]\nx=1\n[b]\nx=3\n", "[a]\nx=7\n[b]\nx=2\n", "", "[a]\nx=7\n[b]\nx=3\n"},
		{"first of a section", "[a]\nx=1\n[b]\ny=2\n", "[a]\nx=1\n[b]\nz=0\ny=2\n", "[a]\nx=7\n[b]\ny=2\n", "", "[a]\nx=7\n[b]\nz=0\ny=2\n"},

		{"a value of another section", "[a]\nx=<<h>>\n[b]\ny=1\n", "[a]\nx=<<h>>\n[b]\ny=1\nz=<<h>>\n", "[a]\nx=7\n[b]\ny=1\n", "", "[a]\nx=7\n[b]\ny=1\nz=7\n"},

		{"the host's own line", "A=1\n", "A=2\n", ". /etc/site\nA=1\n", "", ". /etc/site\nA=2\n"},
		{"both have the line", "ulimit -n 1\nA=1\n", "ulimit -n 1\nA=2\n", "A=1\nulimit -n 1\n", "", "A=2\nulimit -n 1\n"},
		{"the host took it away", "ulimit -n 1\nA=1\n", "ulimit -n 1\nA=2\n", "A=1\n", "", "A=2\n"},
		{"a new line", "A=1\n", "A=1\nulimit -n 1\n", "A=7\n", "", lines},
		{"a new line, there already", "A=1\n", "A=1\nulimit -n 1\n", "ulimit -n 1\nA=7\n", "", "ulimit -n 1\nA=7\n"},
		{"a new line, kept out", "A=1\n", "A=2\nulimit -n 1\n", "A=1\n", manifest.Old, "A=2\n"},
		{"a new line, taken", "A=1\nB=1\n", "A=1\nulimit -n 1\nB=1\n", "A=7\nB=1\n", manifest.New, "A=7\nulimit -n 1\nB=1\n"},
		{"a line that goes", "ulimit -n 1\nA=1\n", "A=1\n", "ulimit -n 1\nA=7\n", "", lines},
		{"a line that goes, kept", "ulimit -n 1\nA=1\n", "A=2\n", "ulimit -n 1\nA=1\n", manifest.Old, "ulimit -n 1\nA=2\n"},
		{"a line that goes, taken away", "ulimit -n 1\nA=1\n", "A=1\n", "ulimit -n 1\nA=7\n", manifest.New, "A=7\n"},
		{"a changed line", "ulimit -n 1\n", "ulimit -n 2\n", "ulimit -n 1\n", "", lines + ", " + OtherLines},
		{"a new section", "[a]\nx=1\n", "[a]\nx=1\n[b]\ny=2\n", "[a]\nx=7\n", "", lines},
		{"a value that is appended to", "A=1\n", "A=1\nA+=2\n", "A=7\n", "", lines},
	} {
		in := Input{Format: "env", Base: []byte(c.base), Theirs: []byte(c.theirs), Mine: []byte(c.mine)}
		if c.policy != "" {
			in.Policy = map[string]manifest.Side{"*": c.policy}
		}
		if got := merged(in); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestEnvLinesWithPlaceholders(t *testing.T) {
	t.Parallel()
	in := Input{Format: "env", Theirs: []byte("A=<<dir>>\n. <<dir>>/env\n"), Set: map[string]manifest.Value{"A": {Literal: "/x"}}}
	if got := merged(in); !strings.Contains(got, "no value is known for "+OtherLines+" <<dir>>") {
		t.Error(got)
	}
	in = Input{Format: "env", Theirs: []byte("A=1\n. /x/env\n")}
	if got := merged(in); got != "A=1\n. /x/env\n" {
		t.Errorf("a new file: %q", got)
	}
}

// TestYAMLReferences: anchors, aliases, tags and merge keys of the host's stay, and what
// the release changes beside them is merged.
func TestYAMLReferences(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, base, theirs, mine string
		policy                   manifest.Side
		want                     string
	}{
		{"beside them", "a: 1\n", "a: 2\nb: 3\n", "own: &x {p: 1}\nmore: *x\na: 1\n", "", "own: &x {p: 1}\nmore: *x\na: 2\nb: 3\n"},
		{"the host's in a key of the release's", "a: 1\nb: 1\n", "a: 1\nb: 2\n", "a: &x 1\nb: 1\nc: *x\n", "", "a: &x 1\nb: 2\nc: *x\n"},
		{"both", "a: 1\n", "a: 2\n", "a: &x 1\nc: *x\n", "", "conflict: a"},
		{"both, the host's", "a: 1\n", "a: 2\n", "a: &x 1\nc: *x\n", manifest.Old, "a: &x 1\nc: *x\n"},
		{"both, the release's", "a: 1\n", "a: 2\n", "a: &x 1\nc: *x\n", manifest.New, "a: 2\n"},
		{"both, the release's, not used", "a: 1\n", "a: 2\n", "a: &x 1\nc: 3\n", manifest.New, "a: 2\nc: 3\n"},
		{"the release's own", "a: &x 1\nb: *x\n", "a: &x 1\nb: *x\nc: 2\n", "a: &x 1\nb: *x\nd: 3\n", "", "a: &x 1\nb: *x\nc: 2\nd: 3\n"},
		{"a new one of the release's", "a: 1\n", "a: 1\nb: &x {p: 1}\nc: *x\n", "a: 7\n", "", "a: 7\nb: &x {p: 1}\nc: *x\n"},
		{"a value behind a placeholder", "a: <<x>>\n", "a: <<x>>\nb: http://<<x>>/\n", "a: &x h\nc: *x\n", "", "a: &x h\nb: http://h/\nc: *x\n"},
		{"merge key, nothing new below it", "d: {p: 1}\n", "d: {p: 1}\nk: 1\n", "x: &x {p: 7}\nd:\n  <<: *x\n", "", "x: &x {p: 7}\nd:\n  <<: *x\nk: 1\n"},
		{"merge key brings what is new", "d: {a: 1}\n", "d: {a: 1, p: 7}\n", "x: &x {p: 7}\nd:\n  <<: *x\n  a: 1\n", "", "x: &x {p: 7}\nd:\n  <<: *x\n  a: 1\n"},
		{"merge key brings another", "d: {a: 1}\n", "d: {a: 1, p: 8}\n", "x: &x {p: 7}\nd:\n  <<: *x\n  a: 1\n", "", "conflict: d.p"},
		{"merge key brings none", "d: {a: 1}\n", "d: {a: 1, q: 8}\n", "x: &x {p: 7}\nd:\n  <<: *x\n  a: 1\n", "", "x: &x {p: 7}\nd:\n  <<: *x\n  a: 1\n  q: 8\n"},
		{"an alias would come to mean another", "a: 1\nz: 1\n", "a: 1\nm: &x 2\nz: 1\n", "a: &x 1\nz: 1\ny: *x\n", "",
			"error: write the merged file: the merged file would not hold what was intended: the form of the file is not supported"},
		{"what an alias means changes with its anchor", "a: &x 1\nb: *x\n", "a: &x 2\nb: *x\n", "a: &x 1\nb: *x\nc: 3\n", "", "a: &x 2\nb: *x\nc: 3\n"},
		{"tag", "a: 1\n", "a: 2\n", "own: !secret x\na: 1\n", "", "own: !secret x\na: 2\n"},
	} {
		in := Input{Format: "yaml", Base: []byte(c.base), Theirs: []byte(c.theirs), Mine: []byte(c.mine)}
		if c.policy != "" {
			in.Policy = map[string]manifest.Side{"*": c.policy}
		}
		if got := merged(in); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestWayOut: a file of the host that cannot be merged by its format is decided as a
// whole where the admin says so, and that is reported.
func TestWayOut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, format, base, theirs, mine string
		parse                            bool   // without a decision it is a ParseError, or else a FormError
		taken                            string // with "new"
	}{
		{"no yaml", "yaml", "a: 1\n", "a: 2\n", "a: [\n", true, "a: 2\n"},
		{"two documents", "yaml", "a: 1\n", "a: 2\n", "a: 1\n---\nb: 1\n", true, "a: 2\n"},
		{"no json", "json", `{"a": 1}`, `{"a": 2}`, `{"a": 1, // ours` + "\n}", true, `{"a": 2}`},
		{"a key twice", "json", `{"a": 1}`, `{"a": 2}`, `{"a": 1, "a": 3}`, true, `{"a": 2}`},
		{"an open quote", "env", "A=1\n", "A=2\n", "A='1\n", true, "A=2\n"},
		{"a section twice", "ini", "[a]\nx=1\n", "[a]\nx=2\n", "[a]\nx=1\n[a]\ny=1\n", true, "[a]\nx=2\n"},
		{"no INI", "ini", "[a]\nx=1\n", "[a]\nx=2\n", "[a]\nx=1\nverbose\n", true, "[a]\nx=2\n"},
		{"a key in capitals", "ini", "[a]\nx=1\n", "[a]\nx=1\nY=1\n", "[a]\nx=1\ny=1\n", false, "[a]\nx=1\nY=1\n"},
		{"no TOML", "toml", "a = 1\n", "a = 2\n", "a = x\n", true, "a = 2\n"},
		{"a table twice", "toml", "a = 1\n", "a = 2\n", "[t]\n[t]\n", true, "a = 2\n"},
		{"an escape that is none", "properties", "a=1\n", "a=2\n", "a=\\u12\n", true, "a=2\n"},
		{"a key twice in properties", "properties", "a=1\n", "a=2\n", "a=1\na=1\n", true, "a=2\n"},
		{"not UTF-8", "env", "A=1\n", "A=2\n", "A=\xff\n", true, "A=2\n"},
		{"a zero byte", "env", "A=1\n", "A=2\n", "A=\x00\n", true, "A=2\n"},
		{"a form that cannot be written", "yaml", "a: 1\n", "a: 1\nb: &x\n  c: 2\n", "a: 7\n", false, "a: 1\nb: &x\n  c: 2\n"},
	} {
		in := Input{Format: c.format, Base: []byte(c.base), Theirs: []byte(c.theirs), Mine: []byte(c.mine)}
		_, err := Merge(in)
		parse, form := (*ParseError)(nil), (*FormError)(nil)
		if errors.As(err, &parse) != c.parse || errors.As(err, &form) == c.parse {
			t.Errorf("%s: undecided: %v", c.name, err)
		}
		for side, want := range map[manifest.Side]string{manifest.Old: c.mine, manifest.New: c.taken} {
			in.Policy = map[string]manifest.Side{"*": side}
			r, err := Merge(in)
			if err != nil || string(r.Out) != want || r.Unmerged == "" || len(r.Changes) != 1 || r.Changes[0].By != "policy" {
				t.Errorf("%s, %s: %v %+v", c.name, side, err, r)
			}
		}
	}
	unknown := Input{Format: "json", Base: []byte(`{"a": "<<x>>"}`), Theirs: []byte(`{"b": "<<x>>"}`), Mine: []byte(`{`),
		Policy: map[string]manifest.Side{"*": manifest.New}}
	if _, err := Merge(unknown); !errors.As(err, new(*UnknownValueError)) {
		t.Errorf("the new release's file with a value of the host's that cannot be read: %v", err)
	}
	theirs := Input{Format: "json", Base: []byte(`{}`), Theirs: []byte(`{`), Mine: []byte(`{"a":1}`), Policy: unknown.Policy}
	if _, err := Merge(theirs); !errors.As(err, new(*ParseError)) {
		t.Errorf("a mistake in the bundle is decided by no policy: %v", err)
	}
}
