// Package fleet tests the upgrade of many machines with the tools that do it: the collection with the oldest and the
// newest ansible-core that it is for, its linter, and AWS's own schema of documents. make test-fleet installs them.
package fleet

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"onerpm/test/fleet/scratch"
	"onerpm/test/need"
)

const (
	project    = "../.."
	collection = "payload-scripts/fleet/ansible"
)

// cores are the folders of the virtual environments with the releases of ansible-core that the collection is tried with.
var cores = []string{"oldest", "newest"}

// fleet are machines that are folders, and a controller.
type fleet struct {
	t        *testing.T
	core     string
	dir      string
	machines map[string]*scratch.Machine
	bundle   string
	digest   string
}

// each runs a test with each release of ansible-core, on machines of these names.
func each(t *testing.T, names []string, test func(*fleet)) {
	t.Helper()
	need.Root(t)
	for _, core := range cores {
		t.Run(core, func(t *testing.T) {
			t.Parallel()
			f := &fleet{t: t, core: core, dir: t.TempDir(), machines: map[string]*scratch.Machine{}}
			f.bundle, f.digest = scratch.Bundle(t, "1")
			inventory := "[managers]\n"
			for _, name := range names {
				m := scratch.New(t)
				f.machines[name] = m
				inventory += fmt.Sprintf("%s ansible_connection=local ansible_shell_executable=%s\n", name, m.Shell())
			}
			f.write("inventory", inventory)
			f.write("collections/ansible_collections/onerpm/x", "")
			if err := os.Symlink(f.project(collection), filepath.Join(f.dir, "collections/ansible_collections/onerpm/fleet")); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(f.bundle+".sha256", []byte(f.digest+"  "+filepath.Base(f.bundle)+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			test(f)
		})
	}
}

func (f *fleet) project(path string) string {
	f.t.Helper()
	abs, err := filepath.Abs(filepath.Join(project, path))
	if err != nil {
		f.t.Fatal(err)
	}
	return abs
}

func (f *fleet) write(name, text string) {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// environment is that of the controller's programs.
func (f *fleet) environment() []string {
	return append(os.Environ(),
		"PATH="+f.project(".cache/ansible/"+f.core+"/bin")+":"+os.Getenv("PATH"), "HOME="+f.dir, "ANSIBLE_HOME="+f.dir+"/ansible", "ANSIBLE_REMOTE_TEMP="+f.dir+"/remote",
		"ANSIBLE_CONFIG="+f.project(collection+"/ansible.cfg"), "ANSIBLE_COLLECTIONS_PATH="+f.dir+"/collections",
		"ANSIBLE_NOCOLOR=1", "ANSIBLE_DEPRECATION_WARNINGS=0", "ANSIBLE_LOCALHOST_WARNING=0", "LC_ALL=C.UTF-8", "NO_COLOR=1")
}

// play runs a play, which must end with an exit code, and returns what it prints.
func (f *fleet) play(code int, play string, args ...string) string {
	f.t.Helper()
	args = append([]string{"-i", f.dir + "/inventory", "-e", "upgrade_bundle=" + f.bundle, "-e", "upgrade_reports=" + f.dir + "/reports", play}, args...)
	cmd := exec.CommandContext(f.t.Context(), f.project(".cache/ansible/"+f.core+"/bin/ansible-playbook"), args...)
	cmd.Env, cmd.Dir = f.environment(), f.dir
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		f.t.Fatalf("%v; make test-fleet installs it", err)
	}
	// out of reach is 2 or 4, of one and the same play, by the release of ansible-core
	if got := cmd.ProcessState.ExitCode(); got != code && (code != unreachable || got != 2) {
		f.t.Fatalf("%s: exit %d, not %d:\n%s", play, got, code, out)
	}
	return string(out)
}

// asked are the words that a machine's engine was asked, without those that only look.
func (f *fleet) asked(name string) (words []string) {
	for _, call := range f.machines[name].Calls() {
		if word, ok := strings.CutPrefix(strings.TrimSpace(call), "engine "); ok {
			word, _, _ = strings.Cut(word, " --")
			words = append(words, word)
		}
	}
	return slices.DeleteFunc(words, func(w string) bool { return w == "check" || w == "report" })
}

// recap is what the play counted for a machine.
func recap(out, name string) string {
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, name+" ") && strings.Contains(line, "unreachable=") {
			return line
		}
	}
	return ""
}

// row is a machine's line of the summary.
func row(out, name string) string {
	_, summary, _ := strings.Cut(out, "SUMMARY")
	for line := range strings.Lines(summary) {
		if strings.HasPrefix(line, name+" ") {
			return strings.Join(strings.Fields(line), " ")
		}
	}
	return ""
}

// report is a report that was fetched.
func (f *fleet) report(name, file string) (r struct{ Outcome, Verdict, Error string }) {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join(f.dir, "reports", name, file+".json"))
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		f.t.Error(err)
	}
	return r
}

const (
	upgrade     = "onerpm.fleet.upgrade"
	unreachable = 4
)

// TestWaves: all machines are upgraded in waves; one fails, and the next wave does not begin; the cause removed, the same
// play changes what is left; and then nothing.
func TestWaves(t *testing.T) {
	names := []string{"m1", "m2", "m3", "m4"}
	each(t, names, func(f *fleet) {
		f.machines["m2"].Write("fails", "4 the door does not answer\n")
		out := f.play(2, upgrade, "-e", `{"upgrade_waves": [1, 2, 1]}`)
		started := []string{"rehearse", "start", "wait"}
		for name, want := range map[string][]string{"m1": started, "m2": started, "m3": started, "m4": {"rehearse"}} {
			if got := f.asked(name); !slices.Equal(got, want) {
				t.Errorf("%s was asked %q, not %q\n%s", name, got, want, out)
			}
		}
		for name, want := range map[string]string{
			"m1": "m1 4.1.1 4.2.0 upgraded 2.1s", "m2": "m2 4.1.1 4.2.0 rolled-back 2.1s the door does not answer",
			"m3": "m3 4.1.1 4.2.0 upgraded 2.1s", "m4": "m4 4.1.1 4.2.0 not upgraded yet",
		} {
			if got := row(out, name); got != want {
				t.Errorf("the summary says %q, not %q\n%s", got, want, out)
			}
		}
		if got := f.report("m2", "report"); got.Outcome != "rolled-back" || got.Error != "the door does not answer" {
			t.Errorf("%+v", got)
		}

		f.machines["m2"].Remove("fails")
		out = f.play(0, upgrade)
		for name, want := range map[string]string{"m1": "changed=0", "m2": "changed=1", "m3": "changed=0", "m4": "changed=1"} {
			if got := recap(out, name); !strings.Contains(got, want) {
				t.Errorf("%s, not %s\n%s", got, want, out)
			}
		}
		out = f.play(0, upgrade)
		for _, name := range names {
			if got := recap(out, name); !strings.Contains(got, "changed=0") {
				t.Errorf("a third time: %s\n%s", got, out)
			}
			if got := row(out, name); got != name+" 4.1.1 4.2.0 upgraded before 2.1s" {
				t.Errorf("the summary says %q\n%s", got, out)
			}
			if m := f.machines[name]; m.Has("var/lib/onerpm-fleet/" + f.digest + "/bundle.rpm") {
				t.Errorf("%s keeps the bundle's file", name)
			}
		}
	})
}

// TestFinding: what is found on one machine is told, and none is touched.
func TestFinding(t *testing.T) {
	names := []string{"m1", "m2", "m3"}
	each(t, names, func(f *fleet) {
		f.machines["m2"].Write("refuse", "1 MiB is free on /opt\n")
		out := f.play(2, upgrade)
		for _, name := range names {
			if got := f.asked(name); len(got) > 0 {
				t.Errorf("%s was asked %q\n%s", name, got, out)
			}
			if f.machines[name].Has("opt/p-upgrade") {
				t.Errorf("the bundle is installed on %s", name)
			}
		}
		if got := row(out, "m2"); got != "m2 4.1.1 4.2.0 refused 1 MiB is free on /opt (no-room); free disk space" {
			t.Errorf("the summary says %q\n%s", got, out)
		}
		if got := f.report("m2", "check"); got.Verdict != "refused" {
			t.Errorf("%+v", got)
		}
		f.machines["m2"].Remove("refuse")
		if out = f.play(2, upgrade, "-e", "upgrade_warnings_fail=true"); !strings.Contains(row(out, "m1"), "3 connections are open (clients-connected)") {
			t.Errorf("%s", out)
		}
	})
}

// TestUnreachable: a machine that cannot be reached is a finding too.
func TestUnreachable(t *testing.T) {
	each(t, []string{"m1", "m2"}, func(f *fleet) {
		out := f.machines["m1"].Shell()
		if err := os.WriteFile(out, []byte("#!/bin/sh\nexit 137\n"), 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
		out = f.play(unreachable, upgrade, "-e", "upgrade_link_timeout=1")
		if got := row(out, "m1"); !strings.HasPrefix(got, "m1 out of reach") {
			t.Errorf("the summary says %q\n%s", got, out)
		}
		if got := f.asked("m2"); len(got) > 0 {
			t.Errorf("m2 was asked %q\n%s", got, out)
		}
	})
}

// TestCheckMode: check mode is the engine's check, and the diff is what comes.
func TestCheckMode(t *testing.T) {
	each(t, []string{"m1"}, func(f *fleet) {
		out := f.play(0, upgrade, "--check", "--diff")
		if got := f.asked("m1"); len(got) > 0 || f.machines["m1"].Has("opt/p-upgrade") {
			t.Errorf("it was asked %q\n%s", got, out)
		}
		if got := recap(out, "m1"); !strings.Contains(got, "changed=1") {
			t.Errorf("%s\n%s", got, out)
		}
		for _, want := range []string{"--- before: 4.1.1", "+++ after: 4.2.0", "-a-4.1-ga", "+a-4.2-ga", "+b-1-1", "+/etc/sample.conf (merged with the machine's own)"} {
			if !strings.Contains(out, want+"\n") {
				t.Errorf("the diff does not have %q\n%s", want, out)
			}
		}
		f.play(0, upgrade)
		f.machines["m1"].Calls()
		if out = f.play(0, upgrade, "--check"); !strings.Contains(recap(out, "m1"), "changed=0") {
			t.Errorf("%s", out)
		}
	})
}

// TestAgents: agents that are pending are upgraded by a play of their own.
func TestAgents(t *testing.T) {
	each(t, []string{"m1"}, func(f *fleet) {
		f.machines["m1"].Write("fails", "6\n")
		out := f.play(0, upgrade, "-e", "upgrade_rehearse=false")
		if got := recap(out, "m1"); !strings.Contains(got, "changed=1") {
			t.Errorf("%s\n%s", got, out)
		}
		for _, want := range []string{"changed=1", "changed=0"} {
			if out = f.play(0, "onerpm.fleet.agents"); !strings.Contains(recap(out, "m1"), want) {
				t.Errorf("not %s\n%s", want, out)
			}
		}
		if got := f.asked("m1"); !slices.Equal(got, []string{"start", "wait", "agents status", "agents start", "agents wait", "agents status"}) {
			t.Errorf("it was asked %q", got)
		}
	})
}

// TestTerminal: a machine whose login prints something, and whose outputs are one, is understood.
func TestTerminal(t *testing.T) {
	each(t, []string{"m1"}, func(f *fleet) {
		m := f.machines["m1"]
		m.Terminal()
		m.Write("dnf-fails", "")
		out := f.play(2, upgrade)
		if got := row(out, "m1"); !strings.HasPrefix(got, "m1 failed it failed before anything began") || !strings.Contains(got, "Error: the disk is full error: dnf (exit code 1) did not install the bundle") {
			t.Errorf("the summary says %q\n%s", got, out)
		}
		m.Remove("dnf-fails")
		if out = f.play(0, upgrade); !strings.Contains(recap(out, "m1"), "changed=1") || row(out, "m1") != "m1 4.1.1 4.2.0 upgraded 2.1s" {
			t.Errorf("%s", out)
		}
	})
}

// TestLinkIsDown: the machine is out of reach while it is upgraded, and the play ends right.
func TestLinkIsDown(t *testing.T) {
	each(t, []string{"m1"}, func(f *fleet) {
		m := f.machines["m1"]
		m.Write("slow", "")
		shell, err := os.ReadFile(m.Shell())
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for !m.Has("var/lib/p-upgrade/id") {
				time.Sleep(50 * time.Millisecond)
			}
			_ = os.WriteFile(m.Shell()+".cut", []byte("#!/bin/sh\nexit 137\n"), 0o755) //nolint:gosec // a program
			_ = os.Rename(m.Shell()+".cut", m.Shell())
			m.Remove("slow")
			time.Sleep(8 * time.Second)
			_ = os.WriteFile(m.Shell()+".back", shell, 0o755) //nolint:gosec // a program
			_ = os.Rename(m.Shell()+".back", m.Shell())
		}()
		out := f.play(0, upgrade, "-vv", "-e", "upgrade_rehearse=false")
		if !strings.Contains(out, "m1 is out of reach, and asked again") || row(out, "m1") != "m1 4.1.1 4.2.0 upgraded 2.1s" {
			t.Error(out)
		}
		if got := f.asked("m1"); !slices.Equal(got, []string{"start", "wait"}) {
			t.Errorf("it was asked %q", got)
		}
	})
}
