package certify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/release"
)

// breaks are the ways in which the stand-in's connection breaks, and what is told then.
var breaks = []struct {
	how  string
	says []string // one of them
}{
	{"refused", []string{"did not answer (exit code 255): ssh: connect to host vm port 22: Connection refused", "broke (exit code 255): ssh: connect"}},
	{"request", []string{"Connection to vm closed by remote host.", "it arrived with sha256"}},
	{"answer", []string{"(exit code 255): Connection to vm closed by remote host."}},
	{"end", []string{"the connection to the machine broke (exit code 255): "}},
	{"silent", []string{"it has said nothing for 2s", "it has said nothing for 10s"}},
	{"killed", []string{"was ended: signal: killed", "exit code 137"}},
	{"other", []string{"its answer is cut off (exit code 0)"}}, // of a prefix that hides the end
}

// A connection that breaks says nothing of the bundle, wherever it breaks: the run ends at once, with the connection's exit code, the
// connection's own words and no certificate, and nothing is at work any more. While the machine reboots it breaks, and is made anew.
func TestConnectionBreaks(t *testing.T) {
	t.Parallel()
	whole := newStandIn(t)
	whole.o.LeaveOut = []release.LeftOut{{Part: "contents", Name: "/etc/demo", Why: "it is a cache"}}
	c, err := Run(t.Context(), whole.o.on(whole.remote()))
	if err != nil || c.Outcome != Passed {
		t.Fatalf("with nothing wrong: %+v, %v", c.Scenarios, err)
	}
	if len(c.LeftOut) < 2 || c.LeftOut[0] != whole.o.LeaveOut[0] {
		t.Errorf("the certificate does not begin with what the spec leaves out: %v", c.LeftOut)
	}
	total, told, up := whole.calls(), whole.number("told"), whole.number("up")
	if total < 20 || told <= 2 || up <= told || up >= total {
		t.Fatalf("the scenario reached its machine %d times, told it in call %d to reboot, and found it up in call %d", total, told, up)
	}
	whole.nothingWorks()
	for i, b := range breaks {
		t.Run(b.how, func(t *testing.T) {
			t.Parallel()
			s := newStandIn(t)
			m := s.remote()
			m.Machine.picture = briefPicture
			if b.how == "silent" {
				m.Machine.silence = 2 * time.Second // no other waits so long by itself, also where the test is slow
			}
			for n := 2; n <= total; n++ { // the first is how a machine is waited for
				if b.how != "refused" && (n+i)%11 != 0 && n != told {
					continue
				}
				s.putBack()
				s.write("breaks", fmt.Sprintf("%d %d %s\n", n, n, b.how), 0o600)
				c, err := Run(t.Context(), s.o.on(m))
				passed := err == nil && c.Outcome == Passed
				reboots := n > told && n <= up || n == told && slices.Contains([]string{"answer", "end", "other"}, b.how)
				if passed && (reboots || b.how == "other") {
					continue // of the other ones: a file was sent, and what dd says is of no matter
				}
				if reboots {
					t.Errorf("call %d of %d, while it reboots: %v, %+v", n, total, err, c.Scenarios)
					continue
				}
				if exit.Code(err) != exit.Machine || exit.Hint(err) == "" || !c.Ended.IsZero() || c.Scenarios != nil {
					t.Errorf("call %d of %d: exit code %d, hint %q: %v, %+v", n, total, exit.Code(err), exit.Hint(err), err, c.Scenarios)
					continue
				}
				if text := err.Error(); !strings.HasPrefix(text, "fresh: ") || !slices.ContainsFunc(b.says, func(says string) bool { return strings.Contains(text, says) }) {
					t.Errorf("call %d: it says %q, want one of %q", n, text, b.says)
				}
				if resets := count(t, filepath.Join(s.dir, "resets")); resets != 2 {
					t.Errorf("call %d: the machine was put back %d times, want before and after", n, resets)
				}
				s.nothingWorks()
			}
		})
	}
}

// A machine that has not come up is waited for, when somebody has put it back.
func TestMachineIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := newStandIn(t)
	s.write("breaks", "1 2 refused\n", 0o600)
	m := s.remote()
	var told []string
	m.Tell = func(format string, a ...any) { told = append(told, fmt.Sprintf(format, a...)) }
	if c, err := Run(t.Context(), s.o.on(m)); err != nil || c.Outcome != Passed {
		t.Errorf("%+v, %v", c.Scenarios, err)
	}
	if len(told) != 1 || !strings.Contains(told[0], "Connection refused") {
		t.Errorf("told %q", told)
	}
	m.Reset = ""
	s.putBack()
	if _, err := Run(t.Context(), s.o.on(m)); exit.Code(err) != exit.Machine || s.calls() != 1 || len(told) != 1 {
		t.Errorf("one that nobody puts back: %d calls, told %q, %v", s.calls(), told, err)
	}
	m.Reset, m.Machine.Via = "true", "/nowhere/ssh root@vm"
	if _, err := Run(t.Context(), s.o.on(m)); exit.Code(err) != exit.Machine || !strings.Contains(err.Error(), "(exit code 127): ") || len(told) != 1 {
		t.Errorf("a prefix that is no program: told %q, %v", told, err)
	}
}

// What a login prints counts for nothing, whatever it is.
func TestChattyLogin(t *testing.T) {
	t.Parallel()
	for name, greeting := range map[string]string{
		"a line":                       "Welcome to vm!\n",
		"no newline":                   "Last login: today",
		"an answer to another script":  string(newMark()) + begins + "id=none\n" + string(newMark()) + ends + "1\n",
		"words that scenarios look at": "@@ end\nnothing to do\nid=none\narch=none\n",
		"bytes":                        "\x00\xff\x1b[1m\r\n",
		"much":                         strings.Repeat("motd\n", 40000), // more than is kept of standard error
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStandIn(t)
			s.write("greets", greeting, 0o600)
			if c, err := Run(t.Context(), s.o.on(s.remote())); err != nil || c.Outcome != Passed {
				t.Errorf("%+v, %v", c.Scenarios, err)
			}
			if got, err := s.machine().sh(t.Context(), "echo out; echo err >&2; exit 3"); err != nil || got.out != "out\n" || got.err != "err\n" || got.code != 3 {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// A slow machine is none that broke: what runs for long says that it works.
func TestSlowAnswer(t *testing.T) {
	t.Parallel()
	m := here
	m.silence = 8 * time.Second
	if got, err := m.sh(t.Context(), "sleep 10; echo late"); err != nil || got.out != "late\n" || got.err != "" {
		t.Errorf("%+v, %v", got, err)
	}
	// A connection that takes a line at a time is none either.
	m.Via = `f() { while IFS= read -r line; do printf '%s\n' "$line"; sleep 0.05; done | "$@" | while IFS= read -r line; do echo "$line"; sleep 0.5; done; }; f`
	if got, err := m.sh(t.Context(), "seq 8"); err != nil || got.out != "1\n2\n3\n4\n5\n6\n7\n8\n" {
		t.Errorf("%+v, %v", got, err)
	}
}

// The machine's shell is killed, and what says that it works ends too, of which nothing here is the parent: as with sshd, which waits
// for everybody who could still write.
func TestShellIsKilled(t *testing.T) {
	t.Parallel()
	s := newStandIn(t)
	m := Machine{Via: "env STANDIN=" + s.dir + ` sh -c 'setsid -w "$@" 2>&1 | cat' sshd`, silence: 5 * time.Second}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := m.sh(ctx, "sleep 0.3; kill -9 $$"); exit.Code(err) != exit.Machine || !errors.Is(err, errCutOff) {
		t.Error(err)
	}
	s.nothingWorks()
}

// A machine that dies in the load, and is there again: one that is used once is left without what the scenario had at work there.
func TestUsedOnceIsTidy(t *testing.T) {
	t.Parallel()
	s := newStandIn(t)
	s.o.Only = []string{Loaded}
	s.o.Checks.Scripts[0].text = []byte("[ \"$1\" != load ] || sleep 1000\n")
	s.write("dies", "", 0o600)
	m := s.remote()
	m.Reset = ""
	c, err := Run(t.Context(), s.o.on(m))
	if exit.Code(err) != exit.Machine || !c.Ended.IsZero() || !strings.HasPrefix(err.Error(), "load: wait for the upgrade: ") {
		t.Errorf("%+v, %v", c.Scenarios, err)
	}
	if _, err := os.Stat("/var/tmp/" + s.m.Prefix + "-certify"); !os.IsNotExist(err) {
		t.Errorf("its folder is left: %v", err)
	}
	s.nothingWorks()
}

// An upgrade that hangs has failed; a machine that is not ready in that time has not.
func TestLimit(t *testing.T) {
	t.Parallel()
	s := newStandIn(t)
	s.write("hangs", "", 0o600)
	s.o.Limit = 10 * time.Second // until then it is ready, also where the test is slow
	c, err := Run(t.Context(), s.o.on(s.remote()))
	if err != nil || c.Outcome != Failed || len(c.Scenarios) != 1 || !strings.Contains(c.Scenarios[0].Reason, "it took longer than it may: 10s") {
		t.Errorf("%+v, %v", c.Scenarios, err)
	}
	if n := count(t, filepath.Join(s.dir, "resets")); n != 1 {
		t.Errorf("the machine was put back %d times: a failed one is left to be looked at", n)
	}
	m, dir := stuck(t)
	o := options(m)
	o.Limit = 300 * time.Millisecond
	if c, err := Run(t.Context(), o); exit.Code(err) != exit.Machine || !c.Ended.IsZero() || !strings.Contains(err.Error(), "it took longer than it may: 300ms") {
		t.Errorf("%+v, %v", c.Scenarios, err)
	}
	if n := count(t, filepath.Join(dir, "resets")); n != 2 {
		t.Errorf("the machine was put back %d times, want before and after", n)
	}
}

// A machine with more files than are compared is named so: nothing is known of the bundle.
func TestTooManyFiles(t *testing.T) {
	t.Parallel()
	s := newStandIn(t)
	s.write("full", "", 0o600)
	m := s.remote()
	m.Machine.most = 1 << 20
	c, err := Run(t.Context(), s.o.on(m))
	if exit.Code(err) != exit.Machine || !c.Ended.IsZero() || exit.Hint(err) != "certify on a machine with fewer files" ||
		err.Error() != "fresh: look at the machine: its answer is too long: more than 1048576 bytes: it has too many files to compare them" {
		t.Errorf("%+v, %v, hint %q", c.Scenarios, err, exit.Hint(err))
	}
	s.nothingWorks()
}

// When the machine cannot be looked at, nothing is known of the bundle.
func TestCannotLook(t *testing.T) {
	t.Parallel()
	s := newStandIn(t)
	s.write("bin/yum", "#!/bin/sh\nrm \"$STANDIN/packages\"\n", 0o700)
	if c, err := Run(t.Context(), s.o.on(s.remote())); exit.Code(err) != exit.Machine || !c.Ended.IsZero() || !strings.HasPrefix(err.Error(), "fresh: look at the machine: exit code 1: ") {
		t.Errorf("%+v, %v", c.Scenarios, err)
	}
}
