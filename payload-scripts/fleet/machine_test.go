// Package fleet has what upgrades many machines: an Ansible collection and documents for AWS Systems Manager. Both have
// a machine run ansible/files/machine.sh; its tests are here, those of the collection in test/fleet.
package fleet

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"onerpm/payload-scripts/schemas"
	"onerpm/test/fleet/scratch"
	"onerpm/test/need"
)

const script = "ansible/files/machine.sh"

// machine is one on which the sample bundle is kept.
type machine struct {
	*scratch.Machine
	t      *testing.T
	digest string
	script string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	for _, program := range []string{"rpm", "rpm2cpio", "cpio"} {
		need.Program(t, program)
	}
	file, digest := scratch.Bundle(t, "1")
	path, err := filepath.Abs(script)
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{scratch.New(t), t, digest, path}
	m.must(0, "take", digest, file)
	return m
}

// must runs a word of the script, which must end with a code; it returns what was said.
func (m *machine) must(code int, args ...string) (stdout, stderr string) {
	m.t.Helper()
	out, errs, got := m.Run(m.t, "/bin/sh", append([]string{m.script}, args...)...)
	if got != code {
		m.t.Fatalf("%v: exit %d, not %d:\n%s%s", args, got, code, out, errs)
	}
	return out, errs
}

// result is how an upgrade ended.
type result struct {
	Stage   string
	Code    int
	Changed bool
	Answer  struct{ Outcome, Verdict, Error, ID string }
}

// upgrade upgrades the machine, which must end with a code.
func (m *machine) upgrade(code int, token string) (r result, stderr string) {
	m.t.Helper()
	out, errs := m.must(code, "upgrade", m.digest, token, "60")
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Code != code {
		m.t.Fatalf("%v:\n%s", err, out)
	}
	return r, errs
}

// asked are the words that the engine was asked.
func (m *machine) asked() (words []string) {
	for _, call := range m.Calls() {
		if word, ok := strings.CutPrefix(strings.TrimSpace(call), "engine "); ok {
			word, _, _ = strings.Cut(word, " --")
			words = append(words, word)
		}
	}
	return words
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	r, _ := m.upgrade(0, "a")
	if r.Stage != "wait" || !r.Changed || r.Answer.Outcome != "upgraded" {
		t.Errorf("%+v", r)
	}
	calls := m.Calls()
	want := []string{"systemd-run onerpm-fleet-upgrade.service\n", "engine check --json\n", "dnf -y --disablerepo=* install\n", "engine start --json\n", "engine wait --id " + r.Answer.ID + " --json\n"}
	if !slices.Equal(calls, want) {
		t.Errorf("it was asked %q, not %q", calls, want)
	}
	if m.Has("etc/p-upgrade/manual") {
		t.Error("the file that kept the installation from starting the upgrade is left")
	}
	again, _ := m.upgrade(0, "a")
	if again != r || len(m.Calls()) != 0 {
		t.Errorf("asked again about the same run: %+v", again)
	}
	if r, _ = m.upgrade(0, "b"); r.Stage != "check" || r.Changed || r.Answer.Verdict != "nothing-to-do" {
		t.Errorf("asked again to upgrade: %+v", r)
	}
	if got := m.asked(); !slices.Equal(got, []string{"check"}) {
		t.Errorf("the second time it was asked %q", got)
	}
}

// TestUpgradeEnds: each way in which an upgrade ends has its exit code, and tells whether anything was changed.
func TestUpgradeEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files   map[string]string
		code    int
		stage   string
		changed bool
		error   string
	}{
		"refused by the check": {files: map[string]string{"refuse": "no room"}, code: 3, stage: "check"},
		"refused":              {files: map[string]string{"fails": "3 a package manager is busy"}, code: 3, stage: "wait", error: "a package manager is busy"},
		"rolled back":          {files: map[string]string{"fails": "4 the door does not answer"}, code: 4, stage: "wait", error: "the door does not answer"},
		"needs a person":       {files: map[string]string{"fails": "5 the disk is full"}, code: 5, stage: "wait", changed: true, error: "the disk is full"},
		"agents pending":       {files: map[string]string{"fails": "6"}, code: 6, stage: "wait", changed: true},
		"not installed":        {files: map[string]string{"dnf-fails": ""}, code: 1, stage: "install"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			for path, text := range c.files {
				m.Write(path, text+"\n")
			}
			r, errs := m.upgrade(c.code, "a")
			if r.Stage != c.stage || r.Changed != c.changed || r.Answer.Error != c.error {
				t.Errorf("%+v", r)
			}
			if m.Has("etc/p-upgrade/manual") {
				t.Error("the file manual is left")
			}
			if c.stage == "install" && !strings.Contains(errs, "the disk is full") {
				t.Errorf("it does not say why:\n%s", errs)
			}
			for path := range c.files {
				m.Remove(path)
			}
			if c.code == 4 { // the cause is gone: the same bundle is started again
				m.Calls()
				if r, _ := m.upgrade(0, "b"); !r.Changed {
					t.Errorf("%+v", r)
				}
				if got := m.asked(); !slices.Equal(got, []string{"check", "start", "wait"}) {
					t.Errorf("it was asked %q", got)
				}
			}
		})
	}
}

// TestManual: a file manual of the admin's stays, and one of ours that a run left which was cut off goes.
func TestManual(t *testing.T) {
	t.Parallel()
	const manual = "etc/p-upgrade/manual"
	m := newMachine(t)
	m.Write(manual, "")
	m.upgrade(0, "a")
	if !m.Has(manual) {
		t.Error("the admin's file manual is gone")
	}
	m = newMachine(t)
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	_, mark, _ := strings.Cut(string(text), "\nmark=\"")
	mark, _, _ = strings.Cut(mark, "\"")
	m.Write(manual, mark+"\n")
	m.upgrade(0, "a")
	if m.Has(manual) {
		t.Error("our file manual is left")
	}
}

// TestAnotherBuild: dnf says that there is nothing to do where another build of the bundle is installed; it is not believed.
func TestAnotherBuild(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	other, _ := scratch.Bundle(t, "0")
	if out, errs, code := m.Run(t, "dnf", "-y", "--disablerepo=*", "install", other); code != 0 {
		t.Fatal(out, errs)
	}
	r, errs := m.upgrade(1, "a")
	if r.Stage != "install" || r.Changed || !strings.Contains(errs, "installed is p-upgrade-4.2.0-4.2.0-0.x86_64, of another build") {
		t.Errorf("%+v\n%s", r, errs)
	}
}

// await has a question asked until it is answered; it must be unanswered at first.
func (m *machine) await(word, token string, first func()) int {
	m.t.Helper()
	m.must(9, word, m.digest, token, "1")
	first()
	for range 100 {
		if _, _, code := m.Run(m.t, "/bin/sh", m.script, word, m.digest, token, "1"); code != 9 {
			return code
		}
	}
	m.t.Fatal("it does not end")
	return 0
}

// waits returns when the engine is asked to wait.
func (m *machine) waits() {
	m.t.Helper()
	for range 100 {
		if text, _ := os.ReadFile(m.Path("calls")); strings.Contains(string(text), "engine wait") {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	m.t.Fatal("the engine is not asked to wait")
}

// TestUnderWay: a question is asked again while the upgrade is under way, and another run is refused meanwhile.
func TestUnderWay(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.Write("slow", "")
	code := m.await("upgrade", "a", func() {
		m.waits()
		if _, errs := m.must(7, "upgrade", m.digest, "b", "1"); !strings.Contains(errs, "another upgrade is under way") {
			t.Error(errs)
		}
		m.Remove("slow")
	})
	if got := m.asked(); code != 0 || !slices.Equal(got, []string{"check", "start", "wait"}) {
		t.Errorf("exit %d, it was asked %q", code, got)
	}
}

// TestCutOff: what a reboot ends is begun again by the next question, and the upgrade that is under way is found.
func TestCutOff(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.Write("slow", "")
	code := m.await("upgrade", "a", func() {
		m.waits()
		if _, errs, code := m.Run(t, "systemctl", "kill", "onerpm-fleet-upgrade.service"); code != 0 {
			t.Fatal(errs)
		}
		m.must(9, "upgrade", m.digest, "a", "1")
		m.Remove("slow")
	})
	if got := m.asked(); code != 0 || !slices.Equal(got, []string{"check", "start", "wait", "wait"}) {
		t.Errorf("exit %d, it was asked %q", code, got)
	}
}

// TestUnderWayAlready: an upgrade with this bundle that another run has started is waited for; one that needs a person, or is
// another bundle's, is told of and left alone.
func TestUnderWayAlready(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state, id string
		code      int
		stage     string
		verdict   string
		asked     []string
	}{
		"this bundle's":    {"running", "4.2.0-1-7", 0, "wait", "", []string{"check", "wait"}},
		"another bundle's": {"running", "4.2.0.1-1-7", 7, "check", "under-way", []string{"check"}},
		"needs a person":   {"needs-a-person", "4.2.0-1-7", 5, "check", "needs-a-person", []string{"check"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			m.Write("var/lib/p-upgrade/state", c.state+"\n")
			m.Write("var/lib/p-upgrade/id", c.id+"\n")
			r, _ := m.upgrade(c.code, "a")
			if r.Stage != c.stage || r.Answer.Verdict != c.verdict || r.Answer.ID != c.id || r.Changed != (c.code == 0) {
				t.Errorf("%+v", r)
			}
			if got := m.asked(); !slices.Equal(got, c.asked) {
				t.Errorf("it was asked %q, not %q", got, c.asked)
			}
		})
	}
}

// TestCutOffAtItsEnd: a run that is begun again after its upgrade has ended tells of that upgrade, and not that there is
// nothing to do.
func TestCutOffAtItsEnd(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.Write("slow", "")
	code := m.await("upgrade", "a", func() {
		m.waits()
		if _, errs, code := m.Run(t, "systemctl", "kill", "onerpm-fleet-upgrade.service"); code != 0 {
			t.Fatal(errs)
		}
		m.Write("release", "4.2.0\n")
		m.Write("var/lib/p-upgrade/state", "done\n")
		m.Remove("slow")
	})
	r, _ := m.upgrade(0, "a")
	if code != 0 || r.Stage != "wait" || !r.Changed || r.Answer.Outcome != "upgraded" {
		t.Errorf("exit %d, %+v", code, r)
	}
	if r, _ = m.upgrade(0, "b"); r.Stage != "check" || r.Changed {
		t.Errorf("another run: %+v", r)
	}
}

// TestAnswersArePublished: what the stand-in answers is of the forms that the engine's schemas publish, so that the script is
// tried with what it will meet.
func TestAnswersArePublished(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	is := func(schema, text string) {
		t.Helper()
		source, _ := schemas.Read(schema)
		form, err := jsonschema.UnmarshalJSON(bytes.NewReader(source))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource(schema, form); err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err == nil {
			err = c.MustCompile(schema).Validate(value)
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", schema, err, text)
		}
	}
	ask := func(code int, word string) string {
		out, _ := m.must(code, word, m.digest)
		return out
	}
	is("check", ask(0, "check"))
	is("report", ask(0, "report"))
	is("summary", ask(0, "summary"))
	m.upgrade(0, "a")
	is("check", ask(0, "check"))
	is("report", ask(0, "report"))
	is("summary", ask(0, "summary"))
	for state, code := range map[string]int{"running": 7, "needs-a-person": 5} {
		m.Write("var/lib/p-upgrade/state", state+"\n")
		is("check", ask(code, "check"))
	}
}

func TestTakeAndForget(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	other, _ := scratch.Bundle(t, "2")
	wrong := strings.Repeat("0", 64)
	if _, errs := m.must(1, "take", wrong, other); !strings.Contains(errs, "not "+wrong) || m.Has("var/lib/onerpm-fleet/"+wrong) {
		t.Error(errs)
	}
	says := func(want string) {
		t.Helper()
		if out, _ := m.must(0, "has", m.digest); out != want+"\n" {
			t.Errorf("has it? %s", out)
		}
	}
	says("yes")
	m.must(0, "check", m.digest)
	m.must(0, "forget", m.digest)
	says("no")
	m.must(1, "check", m.digest)
	file, _ := scratch.Bundle(t, "1")
	m.must(0, "take", m.digest, file)
	m.upgrade(0, "a")
	m.must(0, "forget", m.digest)
	says("yes") // it is installed
	if out, _ := m.must(0, "report", m.digest); !strings.Contains(out, `"outcome": "upgraded"`) {
		t.Error(out)
	}
	for _, args := range [][]string{{}, {"check", "abc"}, {"check", strings.Repeat("x", 64)}, {"dance", m.digest}, {"upgrade", m.digest, "a b", "1"}, {"upgrade", m.digest, "a", "x"}} {
		m.must(2, args...)
	}
}

func TestRehearseAndAgents(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	if out, _ := m.must(0, "rehearse", m.digest, "a", "60"); !strings.Contains(out, `"window": "3s"`) {
		t.Error(out)
	}
	m.Write("refuse-rehearsal", "")
	m.must(3, "rehearse", m.digest, "b", "60")
	m.Calls()
	m.must(0, "agents", m.digest, "a", "60")
	if got := m.asked(); !slices.Equal(got, []string{"agents status", "agents start", "agents wait"}) {
		t.Errorf("it was asked %q", got)
	}
}
