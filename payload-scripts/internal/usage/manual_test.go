package usage

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sample has what the engine's own commands have: words with flags, with verbs, and one that is not for people.
func sample() Program {
	flags := func(define func(*flag.FlagSet)) *flag.FlagSet {
		set := flag.NewFlagSet("", flag.ContinueOnError)
		set.Bool("json", false, "write JSON")
		define(set)
		return set
	}
	none := func(*flag.FlagSet) {}
	return Program{Prefix: "some-product", Codes: []Code{{0, "done"}, {4, "rolled back: it is as it was"}}, Topics: []Topic{{"settings", "the file of settings"}, {"schema", "the answers"}},
		Commands: []Command{
			{Name: "check", What: "look at this machine", Flags: flags(none)},
			{Name: "start", What: "start it", More: ".It returns at once.\nIt - goes on", Flags: flags(func(set *flag.FlagSet) { set.Bool("checked", false, "") })},
			{Name: "status", What: "show how far it is", Flags: flags(func(set *flag.FlagSet) { set.Bool("follow", false, "go on until the end") })},
			{Name: "log", What: "show the log", Flags: flags(func(set *flag.FlagSet) { set.Int("lines", -1, "the last `N` lines only") })},
			{Name: "agents", What: "upgrade them", Verbs: []string{"status", "start"}, Flags: flags(none)},
			{Name: "run", Flags: flags(none)},
		}}
}

func contains(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, part := range want {
		if !strings.Contains(text, part) {
			t.Errorf("%q lacks in:\n%s", part, text)
		}
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	p := sample()
	p.Help(&b)
	contains(t, b.String(), "usage: some-product COMMAND [--json] [flags]", "  check     look at this machine\n", "help settings", "help schema", "  4  rolled back: it is as it was\n")
	if strings.Contains(b.String(), "run") {
		t.Errorf("what is not for people is in the help:\n%s", b.String())
	}
	c, ok := p.Find("log")
	if _, hidden := p.Find("run"); !ok || hidden {
		t.Error("the wrong commands are found")
	}
	b.Reset()
	p.Of(&b, c)
	contains(t, b.String(), "usage: some-product log [flags]\n  show the log\n", "  --lines N    the last N lines only\n", "  --json       write JSON\n")
}

func TestManual(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	sample().Manual(&page)
	path := filepath.Join(t.TempDir(), "some-product.8")
	if err := os.WriteFile(path, page.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("man", "--warnings", "-l", path)
	cmd.Env = append(os.Environ(), "MANWIDTH=120", "LC_ALL=C", "MANPAGER=cat", "MANROFFOPT=-c")
	var warnings bytes.Buffer
	cmd.Stderr = &warnings
	out, err := cmd.Output()
	if err != nil || warnings.Len() > 0 {
		t.Fatalf("man: %v\n%s", err, warnings.String())
	}
	text := strings.Join(strings.Fields(string(bytes.ReplaceAll(out, []byte("\b"), nil))), " ")
	for _, c := range sample().Commands {
		if c.What != "" {
			contains(t, text, c.What[1:]+".")
		}
	}
	contains(t, text, "some-product - upgrade this host in place", ".It returns at once. It - goes on", "--follow Go on", "--lines N", "settings The file of settings.",
		"/etc/some-product/upgrade.conf", "EXIT STATUS", "Rolled back")
	if strings.Contains(text, "checked") {
		t.Error("a flag that is not for people is in the man page")
	}
}

// TestCompletion asks bash itself.
func TestCompletion(t *testing.T) {
	t.Parallel()
	var script bytes.Buffer
	sample().Completion(&script)
	path := filepath.Join(t.TempDir(), "some-product")
	if err := os.WriteFile(path, script.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("bash", "-n", path).CombinedOutput(); err != nil {
		t.Fatalf("bash -n: %v\n%s", err, out)
	}
	for line, want := range map[string]string{
		"":                "check start status log agents help",
		"st":              "start status",
		"ru":              "",
		"status -":        "--follow --json",
		"status --f":      "--follow",
		"start --":        "--json",
		"log --lines 5 -": "--json --lines",
		"agents s":        "status start",
		"help se":         "settings",
		"help s":          "start status settings schema",
		"nonsense -":      "",
	} {
		ask := `. "$1"; shift; complete -p some-product >/dev/null || exit; COMP_WORDS=(some-product "$@"); COMP_CWORD=$#; _some_product; echo "${COMPREPLY[*]}"`
		words := strings.Split(line, " ")
		out, err := exec.Command("bash", append([]string{"-uc", ask, "bash", path}, words...)...).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%q completes to %q (%v), want %q", line, got, err, want)
		}
	}
}
