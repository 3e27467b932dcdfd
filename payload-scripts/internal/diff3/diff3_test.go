package diff3

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestMerge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		base, theirs, mine string // a line for each letter
		want               string // =stable or base>theirs|mine for each chunk
	}{
		"nothing":               {"", "", "", ""},
		"the same":              {"abc", "abc", "abc", "=abc"},
		"theirs changed":        {"abc", "axc", "abc", "=a b>x|b =c"},
		"mine changed":          {"abc", "abc", "axc", "=a b>b|x =c"},
		"both, apart":           {"abcde", "axcde", "abcye", "=a b>x|b =c d>d|y =e"},
		"both, beside":          {"abcd", "axcd", "abyd", "=a bc>xc|by =d"},
		"both, the same":        {"abc", "axc", "axc", "=a b>x|x =c"},
		"put in":                {"ac", "abc", "ac", "=a >b| =c"},
		"taken out":             {"abc", "ac", "abc", "=a b>|b =c"},
		"at the start":          {"bc", "abc", "bcd", ">a| =bc >|d"},
		"all new":               {"", "a", "b", ">a|b"},
		"all gone":              {"a", "", "", "a>|"},
		"merged before":         {"abc", "axc", "axcz", "=a b>x|x =c >|z"},
		"lines that repeat":     {"aaa", "aaaa", "aaaa", ">a|a =aaa"},
		"nothing is left alike": {"ab", "cd", "ef", "ab>cd|ef"},
	} {
		var got []string
		lines := [3][]string{strings.Split(c.base, ""), strings.Split(c.theirs, ""), strings.Split(c.mine, "")}
		for _, ch := range Merge(lines[0], lines[1], lines[2]) {
			b, th, m := strings.Join(lines[0][ch.B0:ch.B1], ""), strings.Join(lines[1][ch.T0:ch.T1], ""), strings.Join(lines[2][ch.M0:ch.M1], "")
			if ch.Stable {
				got = append(got, "="+b)
			} else {
				got = append(got, b+">"+th+"|"+m)
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %s, want %s", name, s, c.want)
		}
	}
}

func TestAlign(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want []int
	}{
		{"", "", []int{}},
		{"abc", "abc", []int{0, 1, 2}},
		{"abc", "ac", []int{0, -1, 1}},
		{"ac", "abc", []int{0, 2}},
		{"abc", "", []int{-1, -1, -1}},
		{"abc", "xyz", []int{-1, -1, -1}},
	} {
		if got := Align(strings.Split(c.a, ""), strings.Split(c.b, "")); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q, %q: %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

// TestChunksCoverAll: for any three files the chunks are these files, in order and without
// a gap; a stable one says the same in all, and no two beside one another are stable.
func TestChunksCoverAll(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 3))
		file := func() []string {
			out := make([]string, r.IntN(15))
			for i := range out {
				out[i] = string(rune('a' + r.IntN(4)))
			}
			return out
		}
		checkCover(t, fmt.Sprint("seed ", seed), file(), file(), file())
	}
}

func FuzzMerge(f *testing.F) {
	f.Add("abc", "axc", "abz")
	f.Add("aaaa", "aa", "aaaaaa")
	f.Add("", "b", "")
	f.Fuzz(func(t *testing.T, base, theirs, mine string) {
		if len(base)+len(theirs)+len(mine) > 600 {
			return
		}
		checkCover(t, "fuzz", strings.Split(base, ""), strings.Split(theirs, ""), strings.Split(mine, ""))
	})
}

func checkCover(t *testing.T, name string, base, theirs, mine []string) {
	t.Helper()
	b, th, m, stable := 0, 0, 0, false
	for _, c := range Merge(base, theirs, mine) {
		if c.B0 != b || c.T0 != th || c.M0 != m || c.B1 < b || c.T1 < th || c.M1 < m || c.B1 == b && c.T1 == th && c.M1 == m {
			t.Fatalf("%s: a gap, or nothing, at %+v", name, c)
		}
		if c.Stable && (!slices.Equal(base[c.B0:c.B1], theirs[c.T0:c.T1]) || !slices.Equal(base[c.B0:c.B1], mine[c.M0:c.M1]) || stable) {
			t.Fatalf("%s: %+v is not stable, or two that are stand beside one another", name, c)
		}
		b, th, m, stable = c.B1, c.T1, c.M1, c.Stable
	}
	if b != len(base) || th != len(theirs) || m != len(mine) {
		t.Fatalf("%s: the end is missing", name)
	}
}
