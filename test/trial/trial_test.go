package trial_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"onerpm/test/trial"
)

type row struct {
	Name   string `json:"name"`
	Engine string `json:"engine"`
	Bad    string `json:"bad,omitempty"`
}

func (r row) Key() string     { return r.Name }
func (r row) Order() string   { return r.Name }
func (r row) By() string      { return r.Engine }
func (r row) Problem() string { return r.Bad }

type head struct {
	Engine string `json:"engine"`
}

func draw(h head, rows []row) string {
	var names []string
	for _, r := range rows {
		names = append(names, r.Name)
	}
	return h.Engine + ": " + strings.Join(names, " ")
}

func open(t *testing.T, dir string) *trial.Results[head, row] {
	t.Helper()
	r, err := trial.Open(filepath.Join(dir, "results"), filepath.Join(dir, "page"), draw)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A run that was ended goes on where it was: what is not there yet first, then what failed, then what an
// earlier engine passed.
func TestResults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := open(t, dir)
	if due := r.Due("a", "2"); due != trial.Never {
		t.Errorf("before any result: %d", due)
	}
	r.Head = head{"1"}
	for _, one := range []row{{"b", "1", ""}, {"a", "1", "broken"}, {"c <>", "2", ""}, {"a", "2", "broken again"}, {"gone", "1", ""}} {
		if err := r.Add(one); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t, dir)
	for key, want := range map[string]int{"a": trial.Failed, "b": trial.Earlier, "c <>": trial.Passed, "d": trial.Never} {
		if due := again.Due(key, "2"); due != want {
			t.Errorf("%s is due %d, want %d", key, due, want)
		}
	}
	if got := again.Keep(func(r row) bool { return r.Name != "gone" }); fmt.Sprint(got) != "[gone]" {
		t.Errorf("forgotten: %v", got)
	}
	again.Head = head{"2"}
	if err := again.Add(row{"a", "2", ""}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"results": `{"engine":"2"}` + "\n" + `{"name":"a","engine":"2"}` + "\n" + `{"name":"b","engine":"1"}` + "\n" + `{"name":"c <>","engine":"2"}` + "\n",
		"page":    "2: a b c <>",
	} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*~")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Trials that run side by side add their rows; a run that keeps nothing has no file.
func TestResultsTogether(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := open(t, dir)
	var none *trial.Results[head, row]
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if err := r.Add(row{Name: fmt.Sprintf("%02d", i)}); err != nil {
				t.Error(err)
			}
			if err := none.Add(row{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := strings.Count(open(t, dir).Page(), " "); got != 20 {
		t.Errorf("%d rows, want 20", got)
	}
}

// A damaged file is told with its line, and is not written over.
func TestResultsDamaged(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{":                                 "results:1",
		"{}\n{\"name\": \"a\"}\n[":          "results:3",
		"{}\n" + strings.Repeat("x", 2<<20): "too long",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "results"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := trial.Open(filepath.Join(dir, "results"), filepath.Join(dir, "page"), draw); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", text, err, want)
		}
		if got, err := os.ReadFile(filepath.Join(dir, "results")); err != nil || string(got) != text {
			t.Errorf("%.20q was changed: %v", text, err)
		}
	}
	r := open(t, filepath.Join(t.TempDir(), "no folder"))
	if err := r.Add(row{Name: "a"}); err == nil {
		t.Error("a result that cannot be kept is no error")
	}
}

func TestEngines(t *testing.T) {
	t.Parallel()
	const now = "0123456789abcdef0123456789abcdef"
	for _, c := range []struct {
		rows []row
		want string
	}{
		{[]row{{Engine: now}, {Engine: now}}, "All were tried with the engine of SHA-256 0123456789abcdef"},
		{[]row{{Engine: "x"}}, "All were tried with engines before the one of SHA-256 0123456789abcdef"},
		{[]row{{Engine: now}, {Engine: "x"}, {Engine: "y"}}, "1 were tried with the engine of SHA-256 0123456789abcdef, the other 2 with engines before it"},
	} {
		if got := trial.Engines(now, c.rows); got != c.want {
			t.Errorf("%v: %q, want %q", c.rows, got, c.want)
		}
	}
}

func TestCell(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"": "", "a|b": "`a\\|b`", "`x`\ny": "`'x' y`"} {
		if got := trial.Cell(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// complaints is a test that only counts what is said to it.
type complaints struct {
	testing.TB
	said []string
}

func (c *complaints) Helper()        {}
func (c *complaints) Error(a ...any) { c.said = append(c.said, "error "+fmt.Sprint(a...)) }
func (c *complaints) Fatal(a ...any) { c.said = append(c.said, "fatal "+fmt.Sprint(a...)) }
func (c *complaints) Errorf(f string, a ...any) {
	c.said = append(c.said, "error "+fmt.Sprintf(f, a...))
}
func (c *complaints) Fatalf(f string, a ...any) {
	c.said = append(c.said, "fatal "+fmt.Sprintf(f, a...))
}

// The first complaint is remembered, its first line; each one still reaches the test.
func TestListener(t *testing.T) {
	t.Parallel()
	for first, say := range map[string]func(*trial.Listener){
		"a 1": func(l *trial.Listener) { l.Errorf("a %d\nmore", 1) },
		"b":   func(l *trial.Listener) { l.Error("b") },
		"c 2": func(l *trial.Listener) { l.Fatalf("c %d", 2) },
		"d":   func(l *trial.Listener) { l.Fatal("d\nmore") },
	} {
		c := &complaints{TB: t}
		l := &trial.Listener{TB: c}
		say(l)
		l.Error("later")
		if l.First != first || len(c.said) != 2 || c.said[1] != "error later" {
			t.Errorf("remembered %q, want %q; the test heard %q", l.First, first, c.said)
		}
	}
}
