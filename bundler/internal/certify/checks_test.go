package certify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestChecksAreCalled: the product's own checks run in the order of their names, know of which upgrade and when, have a folder for notes
// that stays, and the end of what a failed one printed is the reason.
func TestChecksAreCalled(t *testing.T) {
	t.Parallel()
	specs := t.TempDir()
	for name, text := range map[string]string{
		"b.sh": `echo "b $1 from $ONERPM_FROM to $ONERPM_TO with $ONERPM_PREFIX in $PWD as $(id -u)" >>"$ONERPM_NOTES/said"` + "\n[ $1 != back ] || { seq 99; echo 'row 7 is gone' >&2; exit 3; }\n",
		"a.sh": `echo "a $1" >>"$ONERPM_NOTES/said"`,
	} {
		if err := os.WriteFile(filepath.Join(specs, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("/var/tmp", "demo-*-certify")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	m := demo()
	m.Prefix = strings.TrimSuffix(filepath.Base(dir), "-certify")
	r := &run{machine: here, m: m}
	if r.checks, err = LoadChecks(specs); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(r.at("notes"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := r.giveChecks(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f := r.productIs(t.Context(), phaseBefore); len(f) > 0 {
		t.Errorf("before: %q", f)
	}
	f := r.productIs(t.Context(), phaseBack)
	if len(f) != 1 || !strings.HasPrefix(f[0], "b.sh back: exit code 3: ") || !strings.Contains(f[0], "99") || !strings.Contains(f[0], "row 7 is gone") {
		t.Errorf("back: %q", f)
	}
	said, err := os.ReadFile(r.at("notes/said"))
	as := strings.TrimSpace(strings.ReplaceAll(`a before
b before from 1.0 to 2.0 with PREFIX in / as UID
a back
b back from 1.0 to 2.0 with PREFIX in / as UID`, "PREFIX", m.Prefix))
	if got := strings.TrimSpace(string(said)); err != nil || got != strings.ReplaceAll(as, "UID", uid(t)) {
		t.Errorf("%v, said is\n%s\nwant\n%s", err, got, as)
	}
}

func uid(t *testing.T) string {
	t.Helper()
	out, err := here.must(t.Context(), "ask who it is", "id -u")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// TestChecksEnd: a check that never ends has failed after five minutes, in the words of the machine's own timeout.
func TestChecksEnd(t *testing.T) {
	t.Parallel()
	r := &run{machine: here, m: demo()}
	if got := r.callCheck(Script{Check: Check{Name: "a.sh"}}, phaseAfter); !strings.Contains(got, " exec timeout 300 /bin/sh ") {
		t.Errorf("it is called by %s", got)
	}
}

// TestWriters: a script that does nothing with load is not called with it: it would end well, and be taken for one that wrote.
func TestWriters(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"case $1 in\nload) put ;;\nesac\n": true, "case $1 in\nbefore|load|after) put ;;\nesac\n": true, `[ "$1" = load ] && put`: true, `if [ "$1" = "load" ]; then put; fi`: true,
		"case $1 in before | load ) put ;; esac": true, "load": true,
		"case $1 in\nbefore) ;;\n# load) put ;;\nesac\n": false, "id=load-1; rm $notes/load; payload=x; load=1; reload\n": false, "echo hello # at load\n": false, "": false,
	} {
		c := Checks{Scripts: []Script{{Check: Check{Name: "a.sh"}, text: []byte(text)}}}
		if got := len(c.writers()) == 1; got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	for jump, want := range map[string]int{"3.4.2-4.0.1": 1, "4.0.1-4.1.1": 1, "4.1.1-4.2.0": 1} { // of this project
		c, err := LoadChecks("../../../specs/" + jump + "/certify")
		if err != nil || len(c.writers()) != want {
			t.Errorf("%s: %d scripts write, %v", jump, len(c.writers()), err)
		}
	}
}
