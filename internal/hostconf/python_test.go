package hostconf_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"onerpm/internal/hostconf"
	"onerpm/internal/hostconf/hostconftest"
	"onerpm/internal/hostconf/syntax"
	"onerpm/test/need"
)

// reader is a Python program: each line of its input has a format and a file in base64, each line of its output what Python's own
// module reads in it, as JSON, or null. Texts stand as they are, all else as [kind, text].
const reader = `
import sys, json, base64, configparser, tomllib, io, datetime
def shape(v):
    if isinstance(v, dict): return {k: shape(x) for k, x in v.items()}
    if isinstance(v, list): return ["list", [shape(x) for x in v]]
    if isinstance(v, str): return v
    if isinstance(v, bool): return ["bool", "true" if v else "false"]
    if isinstance(v, (int, float)): return ["number", float(v).hex() if v == v else "nan"]
    return ["time", v.isoformat()]
def ini(text):
    p = configparser.RawConfigParser(default_section="\0none")
    p.optionxform = str
    p.read_file(io.StringIO("[\0keys]\n" + text, newline=None))
    out = dict(p["\0keys"])
    for s in p.sections():
        if s != "\0keys": out[s] = dict(p[s])
    return out
for line in sys.stdin:
    format, data = line[:-1].split(" ")
    text = base64.b64decode(data).decode("utf-8-sig")
    try:
        got = ini(text) if format == "ini" else shape(tomllib.loads(text))
    except Exception as e:
        got = None
    print(json.dumps(got))
`

// sample is a file.
type sample struct{ format, text string }

// python returns what Python reads in each of some files, nil for one that it refuses.
func python(t *testing.T, samples []sample) []any {
	t.Helper()
	need.Program(t, "python3")
	var in bytes.Buffer
	for _, s := range samples {
		fmt.Fprintf(&in, "%s %s\n", s.format, base64.StdEncoding.EncodeToString([]byte(s.text)))
	}
	cmd := exec.CommandContext(t.Context(), "python3", "-c", reader)
	cmd.Stdin = &in
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python3: %v\n%s", err, said.Bytes())
	}
	var all []any
	for line := range bytes.Lines(out) {
		var v any
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	if len(all) != len(samples) {
		t.Fatalf("%d answers to %d files", len(all), len(samples))
	}
	return all
}

// shape is what a node holds in the form in which the program tells it.
func shape(n *syntax.Node) any {
	switch n.Kind {
	case syntax.Mapping:
		out := map[string]any{}
		for _, k := range n.Keys {
			out[k.Key] = shape(k.Value)
		}
		return out
	case syntax.List:
		all := []any{}
		for _, v := range n.Items {
			all = append(all, shape(v))
		}
		return []any{"list", all}
	case syntax.Bool:
		return []any{"bool", n.Text}
	case syntax.Number:
		return []any{"number", n.Text}
	case syntax.Time:
		return []any{"time", n.Text}
	}
	return n.Text
}

// alike compares what was read; of numbers and dates only that they are such: they stay as they are written.
func alike(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, is := b.(map[string]any)
		if !is || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			if w, has := b[k]; !has || !alike(v, w) {
				return false
			}
		}
		return true
	case []any:
		b, is := b.([]any)
		if !is || len(a) != len(b) || a[0] != b[0] {
			return false
		}
		items, list := a[1].([]any)
		if !list {
			return a[0] != "bool" || a[1] == b[1]
		}
		others := b[1].([]any)
		if len(items) != len(others) {
			return false
		}
		for i := range items {
			if !alike(items[i], others[i]) {
				return false
			}
		}
		return true
	}
	return a == b
}

// pieces are what INI and TOML files are made of here: most of what comes out is odd.
var pieces = map[string][]string{
	"ini":  {"a", "b", "A", " = ", "=", ": ", ":", "\n", "\n", "\n", "\n", "  ", "\t", "[a]", "[b]\n", "[c] ; x\n", "\n[d]\n", "# x", "; y", " ;", "1", "v w", "\"", "'", "\\", "%", "é", "\n\n", "k1 = ", "\nk2 = ", "\nk3: x\n", "\n  more", "\n\tm = o"},
	"toml": {"a", "b", ".", " = ", "=", "\n", "\n", "\n", "[a]\n", "\n[b]\n", "\n[a.b]\n", "\n[[c]]\n", "\n[[a.d]]\n", "# x", "1", "0x1f", "1_0", "-0.5e3", "inf", "true", "\"v\"", "'w'", "\"\"\"\nx\\\n y\"\"\"", "'''\nz'''", "[1, 2]", "[ \"x\",\n # c\n]", "{ a = 1 }", "{ b.c = 1, d = [] }", "1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", ",", "}", "]", "\nk1 = 1\n", "\nk2.x = 'y'\n", "\"q r\"", "\\u00e9"},
}

// strict are reasons why a file is not read though Python reads it: others read it otherwise, or it would be odd to edit it.
var strict = []string{
	"a control character", "not every reader takes", `ends with \`, "differ in capitals", "a quote that is not closed", "a : stands before the =", "like a [section]", "for some readers it is the key",
	"the name of a section is empty, or begins", "begins with [ and is no", "has the name of a key", "a key is empty",
}

// TestPythonReadsTheSame: what is read of an INI or TOML file is what configparser and tomllib read of it; what is refused they refuse
// too, but for what not all readers of INI files read alike.
func TestPythonReadsTheSame(t *testing.T) {
	t.Parallel()
	var all []sample
	for _, v := range hostconftest.Values {
		if v.Format == "ini" || v.Format == "toml" {
			all = append(all, sample{v.Format, v.Text})
		}
	}
	for _, text := range oddTOML {
		all = append(all, sample{"toml", text})
	}
	for _, text := range oddINI {
		all = append(all, sample{"ini", text})
	}
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 6))
		for _, format := range []string{"ini", "toml"} {
			var b strings.Builder
			for range r.IntN(24) {
				b.WriteString(pieces[format][r.IntN(len(pieces[format]))])
			}
			all = append(all, sample{format, b.String()})
		}
		all = append(all, sample{"ini", writtenINI(r, fits("ini", content(r, 0), 0))}, sample{"toml", writtenTOML(r, "", fits("toml", content(r, 0), 0)) + tablesOf(r)})
	}
	read := map[string]int{}
	for i, want := range python(t, all) {
		s := all[i]
		d, err := hostconf.Parse(s.format, []byte(s.text))
		switch {
		case err != nil && want != nil:
			known := s.format == "ini"
			for _, why := range strict {
				if known = s.format == "ini" && strings.Contains(err.Error(), why); known {
					break
				}
			}
			if !known {
				t.Errorf("%s %q: %v; Python reads %v", s.format, s.text, err, want)
			}
		case err == nil && (want == nil || !alike(shape(d.Root), want)):
			t.Errorf("%s %q: %v; Python reads %v", s.format, s.text, shape(d.Root), want)
		case err == nil:
			read[s.format]++
		}
	}
	if read["ini"] < 3200 || read["toml"] < 3200 {
		t.Errorf("of the files so few were read that little was compared: %v", read)
	}
}

// oddTOML are files in which tables and keys meet.
var oddTOML = []string{
	"[a]\n[a]\n", "[a]\nb = 1\n[a.b]\n", "a = 1\n[a]\n", "a.b = 1\n[a]\n", "a.b = 1\n[a.c]\nd = 1\n", "[a.b]\n[a]\n", "[a.b]\n[a]\nb.c = 1\n", "[a]\nb.c = 1\n[a.b]\n", "[a]\nb.c = 1\n[a.b.d]\n",
	"a = {b = 1}\n[a.c]\n", "a = {b = 1}\na.c = 1\n", "a = [1]\n[[a]]\n", "[[a]]\n[a]\n", "[a]\n[[a]]\n", "[[a]]\n[a.b]\nc = 1\n[[a]]\n[a.b]\nc = 2\n", "[[a.b]]\nx = 1\n[a]\ny = 1\n", "[[a]]\n[[a.b]]\n[[a.b]]\n[[a]]\n[a.b]\n",
	"a = {b = 1, b = 2}\n", "a = {b.c = 1, b.d = 2}\n", "a = {b = {c = 1}, b.d = 2}\n", "a = [{b = 1}, {b = 1}]\n", "a.b.c = 1\na.b = 2\n", "a.b = 1\na.b.c = 2\n", "\"\" = 1\n", "'a.b' = 1\na.b = 2\n", "a . b = 1\n", "[ a . 'b c' ]\nd = 1\n",
	"a = 01\n", "a = +1\n", "a = 1e3\n", "a = .5\n", "a = nan\n", "a = 1\nb = 2 c = 3\n", "a =\n", "a\n", "= 1\n", "a = 'x\n", "a = \"\\q\"\n", "a = \"\\ud800\"\n", "a = [1, 2,]\n", "a = [1 2]\n", "a = {}\n[b]\nc = {}\n", "[[a]]\n[[a]]\n[b]\n", "a = 1 # x\n#y\n",
	"a = '''x''''\n", "a = \"\"\"x\"\"\"\"\"\n", "[a] b = 1\n", "[]\n", "[a.]\n", "[[a]\n", "[[a]]]\n", "a = tru\n", "a = 2024-01-01\nb = 10:00:00.5\nc = 2024-01-01T10:00:00+02:00\n", "\ufeffa = 1\n", "a = 1\r\nb = 2\r\n",
}

// oddINI are files in which lines may belong to more than one thing.
var oddINI = []string{
	"a = 1\n b = 2\n", "[s]\n a = 1\n b = 2\n", "[s]\n a = 1\nb = 2\n  c\n", "[s]\na = 1\n\n\n  b\n\n  c\n\n", "[s]\na =\n  b\n;c\n  d\n", "a = 1\n[s]\n  b\n", "  a = 1\n  b = 2\n c = 3\n", "[s]\na\n", "[s]\n= 1\n", "[s]\na=1\n[t]\n[s]\n",
	"[s]\na=1\na=2\n", "[s]\na=1\nA=2\n", "[s]\n[S]\n", "[s] x\n", "[s\n", "[s];x\n", "[ s ]\n", "[a[b]]\n", "[]\n", "[s]\na = x\\\n", "[s]\na = 'b\n", "[s]\na = \"b\" c \"d\"\n", "a:b = c\n", "a: b = c\n", "a :b\n", "[s]\na = b\n  [t]\n", "[s]\na = b\n  a = c\n",
	"\ta = 1\n\t\tb\n", "a = \u00a0b\n", "a = b\u00a0\n", "\u00a0a = b\n", "a\u00a0= b\n", "a = b\x0bc\n", "a = b\rc\n", "s = 1\n[s]\n", "# only\n;comments\n", "",
}
