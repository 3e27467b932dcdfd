package updates

import (
	"strings"
	"testing"
)

func TestEdit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"as it comes":           {"[main]\ngpgcheck=1\nbest=True\n", "[main]\ngpgcheck=1\nbest=True\nexcludepkgs=a-0:2-1.*,b-1:3-1.*\n"},
		"no newline at its end": {"[main]\ngpgcheck=1", "[main]\ngpgcheck=1\nexcludepkgs=a-0:2-1.*,b-1:3-1.*\n"},
		"empty lines and another section": {"# mine\n[main]\ngpgcheck=1\n\n# of r\n[r]\nbaseurl=x\nexclude=z\n",
			"# mine\n[main]\ngpgcheck=1\nexcludepkgs=a-0:2-1.*,b-1:3-1.*\n\n# of r\n[r]\nbaseurl=x\nexclude=z\n"},
		"the admin's own":               {"[main]\nexcludepkgs = kernel*, foo\nbest=1\n", "[main]\nexcludepkgs = kernel*, foo,a-0:2-1.*,b-1:3-1.*\nbest=1\n"},
		"by the older name":             {"[main]\nexclude=kernel*\n", "[main]\nexclude=kernel*,a-0:2-1.*,b-1:3-1.*\n"},
		"over several lines":            {"[main]\nexclude=kernel*\n  foo\n  # why\n  bar\nbest=1\n", "[main]\nexclude=kernel*\n  foo\n  # why\n  bar,a-0:2-1.*,b-1:3-1.*\nbest=1\n"},
		"an empty value":                {"[main]\nexclude=\n", "[main]\nexclude=a-0:2-1.*,b-1:3-1.*\n"},
		"two, of which the last counts": {"[main]\nexclude=x\nexcludepkgs=y\n", "[main]\nexclude=x\nexcludepkgs=y,a-0:2-1.*,b-1:3-1.*\n"},
		"lines of another system":       {"[main]\r\nexclude=x\r\n", "[main]\r\nexclude=x,a-0:2-1.*,b-1:3-1.*\r\n"},
		"no section":                    {"", "[main]\nexcludepkgs=a-0:2-1.*,b-1:3-1.*\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			patterns := []string{"a-0:2-1.*", "b-1:3-1.*"}
			got, made := add(c.text, "excludepkgs", patterns)
			if got != c.want {
				t.Errorf("with them it is\n%q\nwant\n%q", got, c.want)
			}
			for _, p := range patterns {
				if !has(got, p) {
					t.Errorf("%s is not found in %q", p, got)
				}
			}
			back := remove(got, patterns, made)
			switch {
			case c.text == "":
				if back != "[main]\n" {
					t.Errorf("without them it is %q", back)
				}
			case back != c.text && back != c.text+"\n":
				t.Errorf("without them it is\n%q\nand was\n%q", back, c.text)
			}
		})
	}
}

// TestRemoveLeavesTheAdmins: what the admin wrote around ours meanwhile stays.
func TestRemoveLeavesTheAdmins(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"[main]\nexcludepkgs=ours,mine\n":         "[main]\nexcludepkgs=,mine\n",
		"[main]\nexcludepkgs=mine ours, his\n":    "[main]\nexcludepkgs=mine , his\n",
		"[main]\nexcludepkgs=ours-not,ours.not\n": "[main]\nexcludepkgs=ours-not,ours.not\n",
		"[main]\nexcludepkgs=ours\n  mine\n":      "[main]\nexcludepkgs=\n  mine\n",
		"[main]\n#excludepkgs=ours\n":             "[main]\n#excludepkgs=ours\n",
		"[other]\nexcludepkgs=ours\n":             "[other]\nexcludepkgs=ours\n",
	} {
		if got := remove(text, []string{"ours"}, true); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func FuzzEdit(f *testing.F) {
	for _, text := range []string{"", "[main]\nexclude=a\n b\n", "exclude=a\n[main]\n[main]\nexcludepkgs=,\n\n", " [main]\n=\nexclude\r\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		const ours = "ours-0:1-1.*"
		if strings.Contains(text, ours) {
			return
		}
		with, made := add(text, "excludepkgs", []string{ours})
		if !has(with, ours) {
			t.Fatalf("%q: it is not in %q", text, with)
		}
		back := remove(with, []string{ours}, made)
		if has(back, ours) || back != text && back != text+"\n" && back != text+"[main]\n" && back != text+"\n[main]\n" {
			t.Fatalf("%q became %q and then %q", text, with, back)
		}
	})
}
