package command

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestManual(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	printManual(&page, "some-product")
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
	for _, c := range commands() {
		if c.what != "" {
			contains(t, text, c.what[1:]+".")
		}
	}
	contains(t, text, "some-product - upgrade this host in place", "--dry-run Only tell", "--lines N", "/etc/some-product/upgrade.conf", "EXIT STATUS", "Rolled back")
	if strings.Contains(text, "checked") {
		t.Error("a flag that is not for people is in the man page")
	}
}

// TestCompletion asks bash itself.
func TestCompletion(t *testing.T) {
	t.Parallel()
	var script bytes.Buffer
	printCompletion(&script, "some-product")
	path := filepath.Join(t.TempDir(), "some-product")
	if err := os.WriteFile(path, script.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("bash", "-n", path).CombinedOutput(); err != nil {
		t.Fatalf("bash -n: %v\n%s", err, out)
	}
	for line, want := range map[string]string{
		"":                "check rehearse start status wait rollback report log agents clean help",
		"s":               "start status",
		"ru":              "",
		"status -":        "--follow --json",
		"status --f":      "--follow",
		"clean --":        "--all --dry-run --json",
		"start --":        "--json",
		"log --lines 5 -": "--follow --json --lines",
		"help se":         "settings",
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
