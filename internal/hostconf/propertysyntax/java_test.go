package propertysyntax

import (
	"encoding/base64"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "have Java read the files again; needs java")

// golden has, for each of the files that samples makes, what java.util.Properties of Java 17 reads in it (testdata/Read.java).
const golden = "testdata/java.txt"

var pieces = []string{
	"a", "b", "k", "=", ":", " ", "\t", "\f", "\n", "\n", "\n", "\r\n", `\`, `\`, "\\\n", "\\\n  ", "\\\r\n\t", "#", "!", "# x\n", `\u0041`, `\u00e9`, `\ud83d\ude00`, `\u12`, `\t`, `\n`, `\ `, `\:`, `\=`, `\#`, "é", "v w", "\nk1=", "\nk2 : x", "\nk3 y\n", "\n\n", "${x}",
}

func samples() []string {
	var all []string
	for seed := range uint64(1500) {
		r := rand.New(rand.NewPCG(seed, 7))
		var b strings.Builder
		for range r.IntN(18) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		all = append(all, b.String())
	}
	return append(all, "a=1\\\\\\\n  =2\n", "a\\\n=\\\n1\n", "  \\\n a=1\n", "a=\\\n\nb=1\n", "a=1 \\\n # c\nb=2\n", "#c\\\na=1\n", `\ a\ b\ = c`, "a : = b\n", "a = : b\n", "\\u0061=\\u0062\n", "a=\\u\n", "a=\\u00zz\n", "a=\\U0041\n", "a=\\\\u0041\n")
}

// strict are the reasons why a file is not read though Java reads it: other readers read it otherwise, or a line put in beside would change it.
var strict = []string{"stands twice", "a key is empty", `a line of \ alone`, `the last line ends with \`, "half of a character", "carriage return within a line"}

// TestJavaReadsTheSame: what is read is what java.util.Properties reads; what is refused it refuses too, but for those reasons.
func TestJavaReadsTheSame(t *testing.T) {
	t.Parallel()
	all := samples()
	if *update {
		var in strings.Builder
		for _, s := range all {
			fmt.Fprintln(&in, base64.StdEncoding.EncodeToString([]byte(s)))
		}
		cmd := exec.CommandContext(t.Context(), "java", "testdata/Read.java")
		cmd.Stdin = strings.NewReader(in.String())
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("java: %v", err)
		}
		if err := os.WriteFile(golden, out, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	answers := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	if len(answers) != len(all) {
		t.Fatalf("%d answers to %d files: run this with -update", len(answers), len(all))
	}
	read, refused := 0, map[string]int{}
	for i, text := range all {
		n, err := Parse([]byte(text))
		want, java := decode(t, answers[i])
		switch {
		case err == nil:
			got := map[string]string{}
			for _, k := range n.Keys {
				got[k.Key] = k.Value.Text
			}
			if !java || !maps.Equal(got, want) {
				t.Errorf("%q: %q; Java reads %q", text, got, want)
			}
			read++
		case java:
			i := slices.IndexFunc(strict, func(why string) bool { return strings.Contains(err.Error(), why) })
			if i < 0 {
				t.Errorf("%q: %v; Java reads %q", text, err, want)
				continue
			}
			refused[strict[i]]++
		}
	}
	if read < 300 || len(refused) < len(strict)-1 {
		t.Errorf("%d files were read, and refused for %v: that compares little", read, refused)
	}
}

// decode reads an answer; false for a file that Java refuses.
func decode(t *testing.T, answer string) (map[string]string, bool) {
	t.Helper()
	if answer == "error" {
		return nil, false
	}
	out, parts := map[string]string{}, strings.Split(answer, " ") // an empty text is written as nothing
	for i := 0; i+1 < len(parts); i += 2 {
		key, err := base64.StdEncoding.DecodeString(parts[i])
		value, err2 := base64.StdEncoding.DecodeString(parts[i+1])
		if err != nil || err2 != nil {
			t.Fatalf("%q: %v %v", answer, err, err2)
		}
		out[string(key)] = string(value)
	}
	return out, true
}
