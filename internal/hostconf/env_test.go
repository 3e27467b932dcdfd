package hostconf_test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/hostconf/envsyntax"
	"onerpm/internal/hostconf/syntax"
)

// shell returns what a real shell reads for the variable k of a file.
func shell(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", `. "$1" && printf %s "$k"`, "sh", file)
	cmd.Env = []string{"PATH=/nowhere"}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("sh: %v on\n%s", err, text)
	}
	return string(out)
}

// TestShellReadsTheSame: a line with export is read as a shell does.
func TestShellReadsTheSame(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"export k=a\n", "export k=\n", "export k=''\n", "export k=a # c\n", "export k=a#c\n", "export k='a # c' # d\n",
		`export k="a \"b\" \$c \\ \d"` + "\n", `export k=a"b c"'d e'f` + "\n", `export k=a\ b\"c` + "\n", "export k='a\nb'\n", "export k=\"a\\\nb\"\n",
		"export k=a\\\nb\n", "export   k=a\n", "  export k=a   \n", "export k=1\nexport k=2\n", "export k=\"it's\"\n", `export k='it'"'"'s'` + "\n", "export k=a=b=c\n",
		"k=a\n", "k='a b'\n", "k=\"a b\" # c\n", "k=\"a\"'b'\n", "#k=1\nk=2\n", "k=\"a\nb\"\n",
	} {
		got := parse(t, "env", text).Root.Lookup("k")
		if want := shell(t, text); got == nil || got.Text != want {
			t.Errorf("%q: %+v, a shell reads %q", text, got, want)
		}
	}
}

// TestShellReadsWhatIsWritten: a value written on a line of a shell's is that value there,
// whatever characters it has, and quotes of the line that was there stay where they can.
func TestShellReadsWhatIsWritten(t *testing.T) {
	t.Parallel()
	values := []string{"", "a", "a b", " a", "a ", "'", `"`, `\`, "$", "$x", "`id`", "a#b", "a #b", "#", "é", "a\nb", "a\\\nb", `it's "$5"`, "~", "*", "a;b", "a&b", "$(id)", "!", "a\tb", `\\`, `\$`, "=", "export"}
	r, odd := rand.New(rand.NewPCG(1, 2)), "a '\"\\$`#;~x=!\t"
	for range 20 {
		var b strings.Builder
		for range r.IntN(8) {
			b.WriteByte(odd[r.IntN(len(odd))])
		}
		values = append(values, b.String())
	}
	for _, was := range []string{"export k=old\n", "export k='old' # c\n", "export k=\"old\"\n"} {
		d := parse(t, "env", was)
		for _, v := range values {
			want := d.Root.Clone()
			want.Find("k").Value = &syntax.Node{Kind: syntax.String, Text: v}
			out, err := d.Edit(want)
			if err != nil {
				t.Errorf("%q with %q: %v", was, v, err)
				continue
			}
			if got := shell(t, string(out)); got != v {
				t.Errorf("%q written into %q: a shell reads %q of %q", v, was, got, out)
			}
		}
	}
}

// TestEnvKeys: what is a key, what is a line, and what is neither.
func TestEnvKeys(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"A=1\n":                    "A",
		"a.b-c_1=1\n":              "a.b-c_1",
		"9=1\n":                    "9",
		"A =1\nB= 1\nC\t=\t1\n":    "A B C",
		"export A=1\n":             "A",
		"export A\n":               "(export A)",
		"A+=1\n":                   "(A+=1)",
		"A[0]=1\n":                 "(A[0]=1)",
		"if x; then A=1; fi\n":     "(if x; then A=1; fi)",
		"  B=1 # in a block\n":     "B",
		"[a]\nB=1\n[ c d ]\nE=1\n": "([a]) a.B ([ c d ]) c d.E",
		"[ -f x ] && . x\n":        "([ -f x ] && . x)",
		"[]\nA=1\n":                "([]) A",
		"# A=1\n; B=1\n\n \t\n":    "",
		"x\nx\n":                   "(x) (x)",
		"=1\n":                     "(=1)",
		"A B=1\n":                  "(A B=1)",
		"\ufeffA=1\n":              "A",
		"Ä=1\n":                    "(Ä=1)",
	} {
		var got []string
		for _, l := range parse(t, "env", text).Leaves() {
			if l.Value.Kind == syntax.Line {
				got = append(got, "("+l.Value.Text+")")
			} else {
				got = append(got, l.Key)
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q: %s, want %s", text, s, want)
		}
	}
}

// TestLineKeys: the same line twice is two, and neither can be an assignment's key.
func TestLineKeys(t *testing.T) {
	t.Parallel()
	root := parse(t, "env", "x\nx\ny\n").Root
	for _, key := range []string{envsyntax.LineKey("x", 1), envsyntax.LineKey("x", 2), envsyntax.LineKey("y", 1)} {
		if n := root.Get(key); n == nil || n.Kind != syntax.Line {
			t.Errorf("%q: %+v", key, n)
		}
	}
	if root.Get(envsyntax.LineKey("x", 3)) != nil || len(root.Keys) != 3 {
		t.Errorf("%d keys", len(root.Keys))
	}
}
