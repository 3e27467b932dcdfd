package certify

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"onerpm/bundler/internal/exit"
)

func TestReadAnswer(t *testing.T) {
	t.Parallel()
	const m = mark("0123456789abcdef0123456789abcdef")
	const begin, end = string(m) + begins, string(m) + ends
	for _, c := range []struct {
		name, came, answer string
		code               int
		err                error
	}{
		{"nothing", "", "", 0, errNoAnswer},
		{"a greeting alone", "Welcome!\n", "", 0, errNoAnswer},
		{"an empty answer", begin + end + "0\n", "", 0, nil},
		{"an answer", begin + "one\ntwo\n" + end + "0\n", "one\ntwo\n", 0, nil},
		{"no newline at its end", begin + "one" + end + "7\n", "one", 7, nil},
		{"a greeting before it", "Welcome!\n" + begin + "one\n" + end + "255\n", "one\n", 255, nil},
		{"a greeting without a newline", "Last login: " + begin + "one\n" + end + "0\n", "one\n", 0, nil},
		{"a farewell behind it", begin + "one\n" + end + "0\nGood bye\n" + string(m[:8]), "one\n", 0, nil},
		{"the answer to another script in the greeting", strings.ReplaceAll(begin+"no\n"+end+"1\n", "0", "1") + begin + "one\n" + end + "0\n", "one\n", 0, nil},
		{"half a mark in the greeting", string(m[:16]) + " " + string(m[16:]) + begins + begin + "one\n" + end + "0\n", "one\n", 0, nil},
		{"the mark alone in the greeting", string(m) + "\n" + string(m) + " begin\n" + begin + "one\n" + end + "0\n", "one\n", 0, nil},
		{"an end in the greeting", end + "0\n" + begin + "one\n" + end + "3\n", "one\n", 3, nil},
		{"an end in the greeting alone", end + "0\n" + begin + "one\n", "one\n", 0, errCutOff},
		{"an end alone", "one\n" + end + "0\n", "", 0, errNoAnswer},
		{"no end", begin + "one\n", "one\n", 0, errCutOff},
		{"half an end", begin + "one\n" + end[:36], "one\n" + end[:36], 0, errCutOff},
		{"an end without its code", begin + "one\n" + end, "one\n", 0, errCutOff},
		{"half a code", begin + "one\n" + end + "12", "one\n", 0, errCutOff},
		{"no code", begin + "one\n" + end + "\n", "one\n", 0, errCutOff},
		{"a code that is none", begin + "one\n" + end + "256\n", "one\n", 0, errCutOff},
		{"a code with zeros", begin + "one\n" + end + "007\n", "one\n", 0, errCutOff},
		{"a code below 0", begin + "one\n" + end + "-1\n", "one\n", 0, errCutOff},
		{"a terminal's ends of lines", strings.ReplaceAll(begin+"one\n"+end+"0\n", "\n", "\r\n"), "", 0, errNoAnswer},
		{"bytes", "\x00\xff" + begin + "\x00\xff\n" + end + "0\n\xff", "\x00\xff\n", 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			answer, code, err := m.read(c.came)
			if answer != c.answer || code != c.code || !errors.Is(err, c.err) {
				t.Errorf("%q, %d, %v", answer, code, err)
			}
		})
	}
}

func TestSaid(t *testing.T) {
	t.Parallel()
	const m = mark("0123456789abcdef0123456789abcdef")
	for came, want := range map[string]string{
		"":                              "",
		"banner\n":                      "banner\n", // no standard error of its own, or it was too much
		"banner\n" + string(m) + begins: "",
		string(m) + begins + "no\n":     "no\n",
		"x" + string(m) + begins + "a" + string(m) + works + string(m) + works + "b\n": "ab\n",
	} {
		if got := m.said(came); got != want {
			t.Errorf("%q: %q, want %q", came, got, want)
		}
	}
}

// FuzzReadAnswer: whatever stands before and behind an answer, it is read as it is, and every piece of it that ends too early is none.
func FuzzReadAnswer(f *testing.F) {
	f.Add("Welcome!\n", "one\ntwo", byte(3), "bye", uint(20))
	f.Add("", "", byte(0), "", uint(0))
	f.Add("@@ end\n", "\x00\xff", byte(255), "\r\n", uint(70))
	f.Fuzz(func(t *testing.T, before, answer string, code byte, behind string, cut uint) {
		m := newMark()
		whole := before + string(m) + begins + answer + string(m) + ends + fmt.Sprint(code) + "\n"
		got, n, err := m.read(whole + behind)
		if err != nil || got != answer || n != int(code) {
			t.Errorf("%q, %d, %v", got, n, err)
		}
		if _, _, err := m.read(whole[:cut%uint(len(whole))]); !errors.Is(err, errNoAnswer) && !errors.Is(err, errCutOff) {
			t.Errorf("cut off after %d of %d bytes: %v", cut%uint(len(whole)), len(whole), err)
		}
	})
}

// FuzzReadAnything: what has no mark is no answer, and what has one is never read beyond its ends.
func FuzzReadAnything(f *testing.F) {
	const m = mark("0123456789abcdef0123456789abcdef")
	f.Add("Welcome!\n")
	f.Add(string(m) + begins + "one\n" + string(m) + ends + "0\n")
	f.Add(string(m) + ends + "0\n" + string(m) + begins + string(m) + begins)
	f.Fuzz(func(t *testing.T, came string) {
		answer, code, err := m.read(came)
		if code < 0 || code > 255 || len(answer) > len(came) || err != nil && code != 0 {
			t.Errorf("%q, %d, %v", answer, code, err)
		}
		if begun := strings.Contains(came, string(m)+begins); errors.Is(err, errNoAnswer) == begun {
			t.Errorf("begun %v, and %v", begun, err)
		}
		if err == nil && !strings.Contains(came, string(m)+begins+answer+string(m)+ends+fmt.Sprint(code)+"\n") {
			t.Errorf("%q, %d is not in it", answer, code)
		}
		if said := m.said(came); len(said) > len(came) {
			t.Errorf("standard error grew: %q", said)
		}
	})
}

// An answer without an end does not take all memory or time, whether it is the script's, the greeting or what repeats the script.
func TestEndlessAnswer(t *testing.T) {
	t.Parallel()
	if _, err := here.sh(t.Context(), "trap '' PIPE; while :; do head -c 100000 /dev/zero; done"); !errors.Is(err, errFull) || exit.Code(err) != exit.Failed {
		t.Errorf("a script: %v", err)
	}
	for name, via := range map[string]string{"a greeting": "yes Welcome;", "one that does not mind": "trap '' PIPE; while :; do head -c 100000 /dev/zero; done;"} {
		_, err := Machine{Via: via}.sh(t.Context(), "true")
		if !errors.Is(err, errFull) || exit.Code(err) != exit.Machine || len(err.Error()) > maxSaid+1000 {
			t.Errorf("%s: %d bytes, %.300v", name, len(fmt.Sprint(err)), err)
		}
	}
	if got, err := (Machine{Via: "f() { yes no | head -c 1000000 >&2; \"$@\"; }; f"}).sh(t.Context(), "echo it >&2"); err != nil || got.err != "it\n" {
		t.Errorf("a long greeting on standard error: %.300v, %v", got, err)
	}
	if _, err := (Machine{Via: "cat;"}).sh(t.Context(), "echo it"); !errors.Is(err, errNoAnswer) {
		t.Errorf("a machine that repeats the script: %v", err)
	}
	for lines := range 30 { // that a start file reads
		via := fmt.Sprintf(`f() { for i in $(seq %d); do read -r line; done; "$@"; }; f`, lines)
		if got, err := (Machine{Via: via}).sh(t.Context(), "echo one\necho two\nexit 3"); exit.Code(err) != exit.Machine && (err != nil || got.out != "one\ntwo\n" || got.code != 3) {
			t.Errorf("%d lines: %+v, %v", lines, got, err)
		}
	}
}

// The script that a machine gets is one for every shell there is.
func TestAskIsForEveryShell(t *testing.T) {
	t.Parallel()
	tried := 0
	for _, shell := range [][]string{{"dash", "-s"}, {"bash", "--posix", "-s"}, {"bash", "-s"}, {"busybox", "sh", "-s"}, {"ksh", "-s"}, {"mksh", "-s"}} {
		if _, err := exec.LookPath(shell[0]); err != nil {
			continue
		}
		tried++
		m := newMark()
		cmd := exec.CommandContext(t.Context(), shell[0], shell[1:]...)
		cmd.Stdin = strings.NewReader(m.ask("sleep 2; echo out; echo err >&2; exec sh -c 'exit 9'", 100*time.Millisecond))
		var out, errs strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &errs
		_ = cmd.Run()
		answer, code, err := m.read(out.String())
		if answer != "out\n" || code != 9 || err != nil || m.said(errs.String()) != "err\n" || cmd.ProcessState.ExitCode() != 9 {
			t.Errorf("%v: %q, %d, %v, standard error %q, exit code %d", shell, answer, code, err, errs.String(), cmd.ProcessState.ExitCode())
		}
		if n := strings.Count(errs.String(), string(m)+works); n == 0 {
			t.Errorf("%v: in 20 times its time it did not say that it works", shell)
		}
	}
	if tried == 0 {
		t.Error("there is no shell")
	}
}
