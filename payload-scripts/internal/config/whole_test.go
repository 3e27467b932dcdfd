package config

import (
	"strings"
	"testing"

	"onerpm/internal/manifest"
)

// TestWholeFiles: one of the three files is not there.
func TestWholeFiles(t *testing.T) {
	t.Parallel()
	const none = "-" // no file
	for _, c := range []struct {
		name, format, base, theirs, mine string
		policy                           manifest.Side
		want, told                       string
	}{
		{"nothing anywhere", "yaml", none, none, none, "", "gone", ""},
		{"the host's alone", "yaml", none, none, "a: [", "", "a: [", ""},
		{"new", "yaml", none, "a: 1\n", none, "", "a: 1\n", "added a by release"},
		{"new, there already", "yaml", none, "a: 1\n", "b: 2\n", "", "b: 2\na: 1\n", "added a by release"},
		{"new, there with another value", "yaml", none, "a: 1\n", "a: 2\n", "", "conflict: a", ""},
		{"dropped", "yaml", "a: 1\n", none, "a: 1\n", "", "gone", `removed  by release: "(the file)"`},
		{"dropped, edited", "yaml", "a: 1\n", none, "a: 2\n", "", "gone", EditedFile},
		{"dropped, not readable", "yaml", "a: 1\n", none, "a: [", "", "gone", EditedFile},
		{"dropped, the bundle's not readable", "yaml", "a: [", none, "a: 1\n", "", "error: read the old release's file: line 1", ""},
		{"dropped, rendered", "yaml", "a: <<x>>\n", none, "a: mine\n", "", "gone", `removed  by release: "(the file)"`},
		{"dropped, kept", "yaml", "a: 1\n", none, "a: 2\n", manifest.Old, "a: 2\n", "kept  by policy"},
		{"dropped text, rendered", "text", "a <<x>>\nb\n", none, "a mine\nb\n", "", "gone", `removed  by release: "(the file)"`},
		{"dropped text, edited", "text", "a <<x>>\nb\n", none, "a mine\nc\n", "", "gone", EditedFile},
		{"taken away by the admin", "yaml", "a: 1\n", "a: 1\n", none, "", "gone", "kept  by admin"},
		{"taken away, and changed", "yaml", "a: 1\n", "a: 2\n", none, "", "conflict: ", ""},
		{"taken away, left away", "yaml", "a: 1\n", "a: 2\n", none, manifest.Old, "gone", "kept  by policy"},
		{"taken away, brought back", "yaml", "a: 1\n", "a: 2\n", none, manifest.New, "a: 2\n", "added a by policy"},
		{"the release did nothing, the host's cannot be read", "json", `{}`, `{}`, `{"`, "", `{"`, ""},
	} {
		in := Input{Format: c.format, Random: entropy{}}
		for text, to := range map[string]*[]byte{"b" + c.base: &in.Base, "t" + c.theirs: &in.Theirs, "m" + c.mine: &in.Mine} {
			if text[1:] != none {
				*to = []byte(text[1:])
			}
		}
		if c.policy != "" {
			in.Policy = map[string]manifest.Side{"*": c.policy}
		}
		if got := merged(in); got != c.want && (!strings.HasPrefix(c.want, "error") || !strings.HasPrefix(got, c.want)) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		r, err := Merge(in)
		if got := reportOf(r, nil); err == nil && len(r.Conflicts) == 0 && (!strings.Contains(got, c.told) || c.told == "" && got != "" && !r.Gone) {
			t.Errorf("%s: told %q, want %q", c.name, got, c.told)
		}
	}
}

// TestText: files that are merged by line.
func TestText(t *testing.T) {
	t.Parallel()
	type set = map[string]manifest.Value
	for _, c := range []struct {
		name, base, theirs, mine string
		set                      set
		policy                   manifest.Side
		want                     string
	}{
		{"apart", "a\nb\nc\nd\n", "a\nb\nc\nD\n", "A\nb\nc\nd\n", nil, "", "A\nb\nc\nD\n"},
		{"beside", "a\nb\n", "a\nB\n", "A\nb\n", nil, "", "conflict: line 1"},
		{"beside, the host's", "a\nb\n", "a\nB\n", "A\nb\n", nil, manifest.Old, "A\nb\n"},
		{"beside, the release's", "a\nb\n", "a\nB\n", "A\nb\n", nil, manifest.New, "a\nB\n"},
		{"lines put in", "a\nc\n", "a\nb\nc\n", "a\nc\nd\n", nil, "", "a\nb\nc\nd\n"},
		{"lines taken out", "a\nb\nc\n", "a\nc\n", "a\nb\nc\nd\n", nil, "", "a\nc\nd\n"},
		{"CRLF of the host's", "a\nb\nc\n", "a\nB\nc\n", "a\r\nb\r\nc\r\nd\r\n", nil, "", "a\r\nB\r\nc\r\nd\r\n"},
		{"no line end at the host's end", "a\nb\nc\n", "A\nb\nc\n", "a\nb\nc\nd", nil, "", "A\nb\nc\nd"},
		{"no UTF-8", "a\nb\nc\n", "a\nb\nC\n", "\xe4\nb\nc\n", nil, "", "\xe4\nb\nC\n"},
		{"a value of the host's", "x <<v>>\nb\n", "x <<v>>\nB <<v>>\n", "x mine\nb\n", nil, "", "x mine\nB mine\n"},
		{"the line with it changes", "x <<v>>;\n", "y <<v>>;\n", "x mine;\n", nil, "", "y mine;\n"},
		{"two values, one name", "x <<v>>\ny <<v>>\nb\n", "x <<v>>\ny <<v>>\nz <<v>>\n", "x 1\ny 2\nb\n", nil, "", "error: no value is known for line 3 <<v>>: the spec must set it"},
		{"set", "b\n", "b\nx <<v>>\n", "b\nmine\n", set{"v": {Literal: "set"}}, "", "conflict: line 2"},
		{"set, alone", "b\n", "b\nx <<v>>\n", "b\n", set{"v": {Literal: int64(5)}}, "", "b\nx 5\n"},
		{"random, the same everywhere", "b\n", "b\nx <<v>>\ny <<v>>\n", "b\n", set{"v": {Random: 4}}, "", "b\nx abab\ny abab\n"},
		{"a copy", "x <<v>>\n", "x <<v>>\ny <<w>>\n", "x mine\n", set{"w": {Copy: "v"}}, "", "x mine\ny mine\n"},
		{"a copy of nothing", "x\n", "x\ny <<w>>\n", "x\n", set{"w": {Copy: "v"}}, "", "error: no value is known for line 2 <<w>>: the spec must set it"},
		{"set of no placeholder", "x\n", "y\n", "x\n", set{"w": {Literal: "1"}}, "", "error: set w: the new release's file has no placeholder <<w>>"},
		{"empty", "", "", "", nil, "", ""},
		{"all is new", "", "a\n", "", nil, "", "a\n"},
		{"all goes", "a\n", "", "a\n", nil, "", ""},
	} {
		in := Input{Format: "text", Base: []byte(c.base), Theirs: []byte(c.theirs), Mine: []byte(c.mine), Set: c.set}
		if c.policy != "" {
			in.Policy = map[string]manifest.Side{"*": c.policy}
		}
		got := merged(in)
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
			continue
		}
		if !strings.HasPrefix(got, "error") && !strings.HasPrefix(got, "conflict") {
			in.Mine = []byte(got)
			if again := merged(in); again != got {
				t.Errorf("%s, merged again: %q became %q", c.name, got, again)
			}
		}
	}
}

// TestPolicyOfKeys: the nearest key above decides, then "*".
func TestPolicyOfKeys(t *testing.T) {
	t.Parallel()
	type policy = map[string]manifest.Side
	for _, c := range []struct {
		policy policy
		want   string
	}{
		{nil, "conflict: a.b, a.c, d"},
		{policy{"a.b": manifest.Old}, "conflict: a.c, d"},
		{policy{"a": manifest.Old, "d": manifest.New}, `{"a":{"b":3,"c":3},"d":2}`},
		{policy{"a": manifest.Old, "a.c": manifest.New, "d": manifest.Old}, `{"a":{"b":3,"c":2},"d":3}`},
		{policy{"*": manifest.New, "a.b": manifest.Old}, `{"a":{"b":3,"c":2},"d":2}`},
		{policy{"nothing": manifest.New}, "conflict: a.b, a.c, d"},
	} {
		got := merged(Input{Format: "json", Base: []byte(`{"a":{"b":1,"c":1},"d":1}`), Theirs: []byte(`{"a":{"b":2,"c":2},"d":2}`), Mine: []byte(`{"a":{"b":3,"c":3},"d":3}`), Policy: c.policy})
		if got != c.want {
			t.Errorf("%v: %s, want %s", c.policy, got, c.want)
		}
	}
}
