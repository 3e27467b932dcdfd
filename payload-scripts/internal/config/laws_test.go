package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"onerpm/internal/hostconf"
	"onerpm/internal/hostconf/syntax"
	"onerpm/internal/manifest"
)

// tree is a file's content: values are strings, numbers, lists of strings and trees.
type tree map[string]any

var words = []string{"", "a", "x y", "it's", `q"q`, "1", "yes", "<<", "a: b", "#c", "$HOME", "é", "-"}

func randomTree(r *rand.Rand, depth int, form form) tree {
	t := tree{}
	for range r.IntN(5) {
		t[randomKey(r)] = randomValue(r, depth, form)
	}
	return t
}

// form is what the values of a format may be.
type form struct {
	texts bool // nothing but texts, and mappings
	depth int  // of mappings in mappings
}

var forms = map[string]form{"json": {depth: 3}, "yaml": {depth: 3}, "toml": {depth: 3}, "env": {texts: true}, "properties": {texts: true}, "ini": {texts: true, depth: 1}}

func randomKey(r *rand.Rand) string { return []string{"a", "b", "c", "d-e", "f_1", "g"}[r.IntN(6)] }

func randomValue(r *rand.Rand, depth int, form form) any {
	switch n := r.IntN(10); {
	case form.depth == 0 || n < 5:
		return words[r.IntN(len(words))]
	case n < 6 && !form.texts:
		return r.IntN(3)
	case n < 7 && !form.texts:
		return []string{words[r.IntN(3)], words[r.IntN(3)]}
	case depth >= form.depth:
		return "deep"
	}
	return randomTree(r, depth+1, form)
}

// changed is t with a few keys put in, taken out and given other values.
func changed(r *rand.Rand, t tree, depth int, form form) tree {
	out := maps.Clone(t)
	for _, key := range slices.Sorted(maps.Keys(t)) {
		switch below, is := t[key].(tree); {
		case is && r.IntN(2) == 0:
			out[key] = changed(r, below, depth+1, form)
		case r.IntN(5) == 0:
			delete(out, key)
		case r.IntN(4) == 0:
			out[key] = randomValue(r, depth, form)
		}
	}
	if r.IntN(2) == 0 {
		out[randomKey(r)] = randomValue(r, depth, form)
	}
	return out
}

// written is t as a file of a format; r chooses order and style.
func written(r *rand.Rand, format string, t tree) []byte {
	var b bytes.Buffer
	switch format {
	case "json":
		enc := json.NewEncoder(&b)
		enc.SetIndent("", []string{"", "  ", "\t"}[r.IntN(3)])
		if err := enc.Encode(t); err != nil {
			panic(err)
		}
	case "ini":
		writeINI(r, &b, t)
	case "toml":
		writeTOML(r, &b, "", t)
	case "properties":
		for _, key := range slices.Sorted(maps.Keys(t)) {
			fmt.Fprintf(&b, "# about %s\n%s%s%s\n", key, key, []string{"=", " = ", ": "}[r.IntN(3)], strings.ReplaceAll(fmt.Sprint(t[key]), "#", `\#`))
		}
	case "env":
		for _, key := range slices.Sorted(maps.Keys(t)) {
			fmt.Fprintf(&b, "# about %s\n%s='%s'\n", key, key, strings.ReplaceAll(fmt.Sprint(t[key]), "'", ""))
		}
	default:
		writeYAML(&b, t, "")
		if len(t) == 0 {
			b.WriteString("{}\n")
		}
	}
	return append([]byte{}, b.Bytes()...) // empty, not absent
}

func writeINI(r *rand.Rand, b *bytes.Buffer, t tree) {
	sep := []string{"=", " = ", ": "}[r.IntN(3)]
	for _, key := range slices.Sorted(maps.Keys(t)) {
		if _, is := t[key].(tree); !is {
			fmt.Fprintf(b, "# about %s\n%s%s%s\n", key, key, sep, t[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(t)) {
		if below, is := t[key].(tree); is {
			fmt.Fprintf(b, "\n; of %s\n[%s]\n", key, key)
			writeINI(r, b, below)
		}
	}
}

// writeTOML writes some tables in braces, the others below headers.
func writeTOML(r *rand.Rand, b *bytes.Buffer, path string, t tree) {
	var below []string
	for _, key := range slices.Sorted(maps.Keys(t)) {
		if v, is := t[key].(tree); is && (len(v) == 0 || r.IntN(3) > 0) {
			below = append(below, key)
			continue
		}
		fmt.Fprintf(b, "# about %s\n%s = %s\n", key, key, inBraces(t[key]))
	}
	for _, key := range below {
		fmt.Fprintf(b, "\n[%s%s] # of %s\n", path, key, key)
		writeTOML(r, b, path+key+".", t[key].(tree))
	}
}

func inBraces(v any) string {
	below, is := v.(tree)
	if !is {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return string(text)
	}
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(below)) {
		parts = append(parts, key+" = "+inBraces(below[key]))
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}

func writeYAML(b *bytes.Buffer, t tree, indent string) {
	for _, key := range slices.Sorted(maps.Keys(t)) {
		if below, is := t[key].(tree); is && len(below) > 0 {
			fmt.Fprintf(b, "%s%s: # of %s\n", indent, key, key)
			writeYAML(b, below, indent+"  ")
			continue
		}
		value, err := json.Marshal(t[key])
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(b, "%s%s: %s\n", indent, key, value)
	}
}

// law is what holds for three files, whatever is in them.
type law struct{ base, theirs, mine []byte }

func checkLaws(t *testing.T, format string, l law) {
	t.Helper()
	merge := func(base, theirs, mine []byte, policy map[string]manifest.Side) Result {
		t.Helper()
		r, err := Merge(Input{Format: format, Base: base, Theirs: theirs, Mine: mine, Policy: policy})
		if err != nil {
			t.Fatalf("%v\nbase\n%s\ntheirs\n%s\nmine\n%s", err, base, theirs, mine)
		}
		return r
	}
	if r := merge(l.base, l.theirs, l.base, nil); len(r.Conflicts) > 0 || !syntax.Equal(rootOf(t, format, r.Out), rootOf(t, format, l.theirs)) {
		t.Fatalf("an untouched file does not become the release's: %+v\n%s\nbecame\n%s\nnot\n%s", r.Conflicts, l.base, r.Out, l.theirs)
	}
	if r := merge(l.base, l.base, l.mine, nil); len(r.Conflicts) > 0 || !bytes.Equal(r.Out, l.mine) {
		t.Fatalf("the release changed nothing, and\n%s\nbecame\n%s", l.mine, r.Out)
	}
	if r := merge(l.base, l.theirs, l.theirs, nil); len(r.Conflicts) > 0 || !bytes.Equal(r.Out, l.theirs) {
		t.Fatalf("both are the same, and\n%s\nbecame\n%s", l.theirs, r.Out)
	}
	r := merge(l.base, l.theirs, l.mine, nil)
	nothingIsLost(t, format, l, r)
	for _, side := range []manifest.Side{manifest.Old, manifest.New} {
		decided := merge(l.base, l.theirs, l.mine, map[string]manifest.Side{"*": side})
		if len(decided.Conflicts) > 0 {
			t.Fatalf("%s: %+v", side, decided.Conflicts)
		}
		again := merge(l.base, l.theirs, decided.Out, map[string]manifest.Side{"*": side})
		if !bytes.Equal(again.Out, decided.Out) {
			t.Fatalf("%s, merged again\n%s\nbecame\n%s", side, decided.Out, again.Out)
		}
		if len(r.Conflicts) == 0 && !bytes.Equal(r.Out, decided.Out) {
			t.Fatalf("without a conflict the policy %s changes\n%s\nto\n%s", side, r.Out, decided.Out)
		}
	}
}

func rootOf(t *testing.T, format string, src []byte) *syntax.Node {
	t.Helper()
	d, err := hostconf.Parse(format, src)
	if err != nil {
		t.Fatalf("%v in\n%s", err, src)
	}
	return d.Root.OrMapping()
}

// nothingIsLost: whatever one side alone changed is in the merged file; what both changed
// differently is a conflict, there or above.
func nothingIsLost(t *testing.T, format string, l law, r Result) {
	t.Helper()
	base, theirs, mine := rootOf(t, format, l.base), rootOf(t, format, l.theirs), rootOf(t, format, l.mine)
	conflicts := map[string]bool{}
	for _, c := range r.Conflicts {
		conflicts[c.Key] = true
	}
	out := (*syntax.Node)(nil)
	if len(conflicts) == 0 {
		out = rootOf(t, format, r.Out)
	}
	var walk func(path string, b, th, m, o *syntax.Node)
	walk = func(path string, b, th, m, o *syntax.Node) {
		if conflicts[path] {
			if syntax.Equal(b, th) || syntax.Equal(b, m) || syntax.Equal(th, m) {
				t.Fatalf("%s is no conflict", path)
			}
			return
		}
		if isMapping(b) && isMapping(th) && isMapping(m) && (b != nil || th != nil || m != nil) {
			keys := map[string]bool{}
			for _, n := range []*syntax.Node{b, th, m} {
				if n != nil {
					for _, e := range n.Keys {
						keys[e.Key] = true
					}
				}
			}
			if len(keys) > 0 && (m != nil || b == nil) {
				for key := range keys {
					walk(syntax.Join(path, key), b.Get(key), th.Get(key), m.Get(key), o.Get(key))
				}
				return
			}
		}
		want := m
		if syntax.Equal(b, m) {
			want = th
		}
		if out != nil && !syntax.Equal(o, want) {
			t.Fatalf("%s: got %v, want %v\nbase\n%s\ntheirs\n%s\nmine\n%s\nmerged\n%s", path, o, want, l.base, l.theirs, l.mine, r.Out)
		}
	}
	walk("", base, theirs, mine, out)
}

// TestLaws holds for many random files of every format with keys.
func TestLaws(t *testing.T) {
	t.Parallel()
	for _, format := range manifest.KeyedFormats {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(400) {
				t.Run(fmt.Sprint(seed), func(t *testing.T) { lawsOf(t, format, seed) })
			}
		})
	}
}

func lawsOf(t *testing.T, format string, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	form := forms[format]
	base := randomTree(r, 0, form)
	checkLaws(t, format, law{
		written(r, format, base), written(r, format, changed(r, base, 0, form)), written(r, format, changed(r, base, 0, form)),
	})
}

func FuzzLaws(f *testing.F) {
	for i := range uint64(6) {
		f.Add(i*1000003, uint8(i))
	}
	f.Fuzz(func(t *testing.T, seed uint64, format uint8) {
		lawsOf(t, manifest.KeyedFormats[int(format)%len(manifest.KeyedFormats)], seed)
	})
}

// TestLawsOfLines: the same for files that are merged by line.
func TestLawsOfLines(t *testing.T) {
	t.Parallel()
	for seed := range uint64(600) {
		r := rand.New(rand.NewPCG(seed, 2))
		base := make([]string, r.IntN(12))
		for i := range base {
			base[i] = words[r.IntN(4)]
		}
		file := func(lines []string) []byte { return []byte(strings.Join(append(slices.Clone(lines), ""), "\n")) }
		edited := func() []byte {
			lines := slices.Clone(base)
			for range r.IntN(3) {
				i := r.IntN(len(lines) + 1)
				lines = slices.Insert(lines, i, words[r.IntN(len(words))])
			}
			for range r.IntN(3) {
				if i := r.IntN(len(lines) + 1); i < len(lines) {
					lines = slices.Delete(lines, i, i+1)
				}
			}
			return file(lines)
		}
		l := law{file(base), edited(), edited()}
		merge := func(base, theirs, mine []byte) Result {
			res, err := Merge(Input{Format: "text", Base: base, Theirs: theirs, Mine: mine})
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			return res
		}
		if res := merge(l.base, l.theirs, l.base); !bytes.Equal(res.Out, l.theirs) {
			t.Errorf("seed %d: an untouched file\n%q became\n%q, not\n%q", seed, l.base, res.Out, l.theirs)
		}
		if res := merge(l.base, l.base, l.mine); !bytes.Equal(res.Out, l.mine) {
			t.Errorf("seed %d: the release changed nothing, and\n%q became\n%q", seed, l.mine, res.Out)
		}
		if res := merge(l.base, l.theirs, l.theirs); !bytes.Equal(res.Out, l.theirs) {
			t.Errorf("seed %d: both are the same, and\n%q became\n%q", seed, l.theirs, res.Out)
		}
		res := merge(l.base, l.theirs, l.mine)
		if len(res.Conflicts) > 0 {
			continue
		}
		if again := merge(l.base, l.theirs, res.Out); !bytes.Equal(again.Out, res.Out) {
			t.Errorf("seed %d: merged again\n%q became\n%q", seed, res.Out, again.Out)
		}
		for _, line := range strings.Split(string(l.theirs), "\n") { // what the release alone brings
			if !slices.Contains(base, line) && !strings.Contains("\n"+string(res.Out)+"\n", "\n"+line+"\n") {
				t.Errorf("seed %d: the line %q of\n%q is lost in\n%q", seed, line, l.theirs, res.Out)
			}
		}
	}
}
