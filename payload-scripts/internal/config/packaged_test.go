package config

import (
	"bytes"
	"testing"

	"onerpm/internal/manifest"
)

func TestMergePackaged(t *testing.T) {
	t.Parallel()
	old, now := map[string]manifest.Side{"*": manifest.Old}, map[string]manifest.Side{"*": manifest.New}
	const gone, conflict = "-", "!"
	for name, c := range map[string]struct {
		format, base, theirs, mine string // "-" for no file
		policy                     map[string]manifest.Side
		want                       string // "-" for no file, "!" for a conflict
	}{
		"untouched":                {"json", `{"a":1}`, "{ \"a\": 2 } ", `{"a":1}`, nil, "{ \"a\": 2 } "},
		"the release's is the old": {"json", `{"a":1}`, `{"a":1}`, `{"a":9}`, nil, `{"a":9}`},
		"the same change":          {"json", `{"a":1}`, `{"a":2}`, `{"a":2}`, nil, `{"a":2}`},
		"both":                     {"env", "A=1\nB=1\n", "A=1\nB=2\n", "A=7\nB=1\n", nil, "A=7\nB=2\n"},
		"conflict":                 {"env", "A=1\n", "A=2\n", "A=3\n", nil, conflict},
		"conflict, kept":           {"env", "A=1\n", "A=2\n", "A=3\n", old, "A=3\n"},
		"like a placeholder":       {"text", "<<a>>\n1\n", "<<a>>\n2\n", "b\n1\n", nil, conflict},
		"like one, untouched":      {"text", "<<a>>\n1\n", "<<b>>\n1\n", "<<a>>\n1\n", nil, "<<b>>\n1\n"},
		"like one, taken":          {"text", "<<a>>\n1\n", "<<a>>\n2\n", "b\n1\n", now, "<<a>>\n2\n"},
		"not what the name says":   {"json", "1\n2\n3\n4\n", "1\n2\n3\n5\n", "0\n2\n3\n4\n", nil, "0\n2\n3\n5\n"},
		"no text":                  {"text", "a\x00", "b\x00", "c\x00", nil, conflict},
		"no text, kept":            {"text", "a\x00", "b\x00", "c\x00", old, "c\x00"},
		"new":                      {"json", gone, `{`, gone, nil, `{`},
		"new, there already":       {"env", gone, "A=1\n", "B=2\n", nil, "B=2\nA=1\n"},
		"dropped":                  {"text", "a", gone, "mine", nil, gone},
		"dropped, kept":            {"text", "a", gone, "mine", old, "mine"},
		"removed":                  {"text", "a", "b", gone, nil, conflict},
		"removed, kept so":         {"text", "a", "b", gone, old, gone},
		"removed, brought back":    {"text", "a", "b", gone, now, "b"},
		"removed, no change":       {"text", "a", "a", gone, nil, gone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := Input{Format: c.format, Policy: c.policy}
			for text, to := range map[string]*[]byte{"b" + c.base: &in.Base, "t" + c.theirs: &in.Theirs, "m" + c.mine: &in.Mine} {
				if text[1:] != gone {
					*to = []byte(text[1:])
				}
			}
			r, err := MergePackaged(in)
			if err != nil {
				t.Fatal(err)
			}
			got := string(r.Out)
			switch {
			case len(r.Conflicts) > 0:
				got = conflict
			case r.Gone:
				got = gone
			}
			if got != c.want {
				t.Errorf("%q, want %q (%+v)", got, c.want, r)
			}
		})
	}
}

func FuzzMergePackaged(f *testing.F) {
	f.Add("text", "a\nb\n", "a\nc\n", "x\nb\n")
	f.Add("json", `{"a":1}`, `{"a":1,"b":2}`, `{"a":3}`)
	f.Add("yaml", "a: 1\n", "a: <<b>>\n", "a: 2\n")
	f.Add("env", "A=1\n", "A=\x00\n", "A=2\n")
	f.Fuzz(func(t *testing.T, format, base, theirs, mine string) {
		in := Input{Format: format, Base: []byte(base), Theirs: []byte(theirs), Mine: []byte(mine)}
		r, err := MergePackaged(in)
		if err != nil || len(r.Conflicts) > 0 {
			return
		}
		switch {
		case mine == base && string(r.Out) != theirs:
			t.Errorf("an untouched file is %q, the release's %q", r.Out, theirs)
		case base == theirs && string(r.Out) != mine:
			t.Errorf("no change of the release's, and %q became %q", mine, r.Out)
		}
		in.Mine = r.Out
		if again, err := MergePackaged(in); err != nil || len(again.Conflicts) > 0 || !bytes.Equal(again.Out, r.Out) && !bytes.Equal(r.Out, in.Base) {
			t.Errorf("merged again: %q became %q, %v, %+v", r.Out, again.Out, err, again.Conflicts)
		}
	})
}
