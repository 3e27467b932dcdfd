package scriptlets

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/answer"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/layout"
)

// shells are the strictest ones that customers' machines and ours have.
var shells = [][]string{{"dash"}, {"bash", "--posix"}}

func known(lines ...string) []manifest.Known {
	var out []manifest.Known
	for _, l := range lines {
		name, evr, _ := strings.Cut(l, " ")
		evr, optional := strings.CutSuffix(evr, "?")
		out = append(out, manifest.Known{Name: name, EVR: evr, Optional: optional})
	}
	return out
}

// sample is a jump 4.1.1 to 4.2.0 with a release before, one after and one aside.
func sample() *manifest.Manifest {
	return &manifest.Manifest{
		Product: "O'Product", Prefix: "p-upgrade", From: "4.1.1", To: "4.2.0",
		Known: []manifest.Release{
			{Version: "3.4.1", Packages: known("a 0:3-0"), Why: "it's the vendor's patch to 3.4.2 that comes first, see $HOME"},
			{Version: "3.4.2", Packages: known("a 0:3-1")},
			{Version: "4.0.1", Next: "4.1.1", Packages: known("a 0:4.0-ga", "b 0:17-community", "cli 0:4.0-ga?", "same 0:1-1")},
			{Version: "4.1.1", Next: "4.2.0", Packages: known("a 0:4.1-ga", "b 1:17.6-community", "cli 0:4.1-ga?", "old 0:4.1-ga", "same 0:1-1")},
			{Version: "4.2.0", Next: "4.3.0", Packages: known("a 0:4.2-ga", "b 1:4.2-ga", "cli 0:4.2-ga?", "new 0:4.2-ga", "same 0:1-1")},
			{Version: "4.3.0", Packages: known("a 0:4.3-ga", "b 1:4.3-ga")},
		},
	}
}

var at411 = []string{"a 0:4.1-ga", "b 1:17.6-community", "cli 0:4.1-ga", "old 0:4.1-ga", "same 0:1-1", "unrelated 0:1-1"}

func TestGate(t *testing.T) {
	t.Parallel()
	const huge = 1 << 50
	for name, c := range map[string]struct {
		installed []string
		state     string
		arg       string
		space     Space
		noSystemd bool
		code      int
		want      string // the lines, but for the first and last of a refusal
	}{
		"from":             {installed: at411},
		"without optional": {installed: []string{at411[0], at411[1], at411[3], at411[4]}},
		"own update":       {arg: "2", state: "running"},
		"done before":      {installed: at411, state: "done"},
		"at the target": {
			installed: []string{"a 0:4.2-ga", "b 1:4.2-ga", "new 0:4.2-ga", "same 0:1-1"}, code: 1,
			want: "nothing to do: this host is 4.2.0 already.",
		},
		"one jump before": {
			installed: []string{"a 0:4.0-ga", "b 0:17-community", "cli 0:4.0-ga", "same 0:1-1"}, code: 1,
			want: "this host is 4.0.1. The way is 4.0.1 > 4.1.1 > 4.2.0: take p-upgrade-4.1.1 next:\n  yum install p-upgrade-4.1.1.rpm",
		},
		"later than the target": {
			installed: []string{"a 0:4.3-ga", "b 1:4.3-ga"}, code: 1,
			want: "this host is 4.3.0, and no way leads from there to 4.2.0.\nThis bundle is for O'Product 4.1.1.",
		},
		"no way": {
			installed: []string{"a 0:3-1"}, code: 1,
			want: "this host is 3.4.2, and no way leads from there to 4.2.0.\nThis bundle is for O'Product 4.1.1.",
		},
		"no way, and what to do": {
			installed: []string{"a 0:3-0"}, code: 1,
			want: "this host is 3.4.1, and no way leads from there to 4.2.0.\nit's the vendor's patch to 3.4.2 that comes first, see $HOME\nThis bundle is for O'Product 4.1.1.",
		},
		"no product": {
			installed: []string{"unrelated 0:1-1"}, code: 1,
			want: "O'Product is not installed on this host.\nThis bundle upgrades a host of O'Product 4.1.1 to 4.2.0, it installs none.",
		},
		"no package at all": {
			code: 1,
			want: "O'Product is not installed on this host.\nThis bundle upgrades a host of O'Product 4.1.1 to 4.2.0, it installs none.",
		},
		"mixed": {
			installed: []string{"a 0:4.1-hotfix", "b 0:17.6-community", "cli 0:4.0-ga", "new 0:4.2-ga", "same 0:1-1"}, code: 1,
			want: "the packages of O'Product on this host are those of no release. This bundle is for 4.1.1, which differs:\n" +
				"  old: 0:4.1-ga is expected, it is not installed\n" +
				"  a: 0:4.1-ga is expected, 0:4.1-hotfix is installed\n" +
				"  b: 1:17.6-community is expected, 0:17.6-community is installed\n" +
				"  cli: 0:4.1-ga is expected, 0:4.0-ga is installed\n" +
				"  new: it is not part of 4.1.1, 0:4.2-ga is installed\n" +
				"Bring the host to a release first; rpm -q says what a package is: rpm -q NAME",
		},
		"running": {
			installed: at411, state: "running", code: 1,
			want: "an upgrade is under way on this host.\nFollow it: p-upgrade status --follow\nInstall this when it has ended.",
		},
		"needs a person": {
			installed: at411, state: "needs-a-person", code: 1,
			want: "an upgrade of this host has stopped and needs a person.\nSee what to do: p-upgrade report",
		},
		"no systemd": {installed: at411, noSystemd: true, code: 1, want: "systemd does not run this host"},
		"no space":   {installed: at411, space: Space{Opt: huge}, code: 1, want: "MiB are needed"},
		"no space in var": {
			installed: at411, space: Space{Var: huge}, code: 1, want: "MiB are needed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, c.installed...)
			if c.state != "" {
				m.write("var/lib/p-upgrade/state", c.state+"\n", 0o600)
			}
			if c.noSystemd {
				if err := os.Remove(m.path("run/systemd/system")); err != nil {
					t.Fatal(err)
				}
			}
			arg := "1"
			if c.arg != "" {
				arg = c.arg
			}
			for _, shell := range shells {
				out, code := m.script(shell, m.texts(c.space).Pre, arg)
				if code != c.code {
					t.Errorf("%v: exit %d, not %d:\n%s", shell, code, c.code, out)
				}
				got := strings.ReplaceAll(out, m.root, "")
				if c.code == 0 && got != "" {
					t.Errorf("%v: it says\n%s", shell, got)
				}
				if c.code != 0 && (!strings.HasPrefix(got, "p-upgrade-4.2.0 refuses:\n"+c.want) && c.space == (Space{}) ||
					!strings.Contains(got, c.want) || !strings.HasSuffix(got, "\nNothing was changed.\n")) {
					t.Errorf("%v: it says\n%s\nnot\n%s", shell, got, c.want)
				}
			}
		})
	}
}

// TestGateNotes: where an upgrade was run before, a refusal is noted for the command of that bundle, which would tell how
// that one ended. Nothing is noted where none was run, of a machine that is new already, or beside an upgrade that has not
// ended; and a note that cannot be written refuses all the same.
func TestGateNotes(t *testing.T) {
	t.Parallel()
	old := []string{"a 0:4.0-ga", "b 0:17-community", "cli 0:4.0-ga", "same 0:1-1"}
	const last = "4.0.1-1-20260301T120000.000Z"
	for name, c := range map[string]struct {
		installed []string
		current   bool
		state     string
		full      bool // the note cannot be written
		want      bool
	}{
		"refused":              {old, true, "done", false, true},
		"no upgrade before":    {old, false, "", false, false},
		"new already":          {[]string{"a 0:4.2-ga", "b 1:4.2-ga", "new 0:4.2-ga", "same 0:1-1"}, true, "done", false, false},
		"under way":            {at411, true, "running", false, false},
		"it cannot be written": {old, true, "done", true, false},
		"nothing in the way":   {at411, true, "done", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, c.installed...)
			p := layout.Places{Prefix: "p-upgrade", Root: m.root}
			if c.current {
				if err := errors.Join(os.MkdirAll(p.Run(), 0o700), os.Symlink(last, p.Current())); err != nil {
					t.Fatal(err)
				}
			}
			if c.state != "" {
				m.write("var/lib/p-upgrade/state", c.state+"\n", 0o600)
			}
			if c.full {
				m.write("var/lib/p-upgrade/.gate~/in the way", "", 0o600)
			}
			for _, shell := range shells {
				out, code := m.script(shell, m.texts(Space{}).Pre, "1")
				if (code == 0) != (name == "nothing in the way") || strings.Contains(out, "gate") {
					t.Errorf("%v: exit %d\n%s", shell, code, out)
				}
				g, err := attempt.ReadGated(p, last)
				if err != nil || (g != nil) != c.want {
					t.Fatalf("%v: %+v, %v", shell, g, err)
				}
				if c.want && (g.Bundle != "p-upgrade-4.2.0" || g.From != "4.1.1" || g.To != "4.2.0" || !strings.HasPrefix(g.Why, "this host is 4.0.1. The way is ") || !strings.HasSuffix(g.Why, "p-upgrade-4.1.1.rpm") || g.Time.IsZero()) {
					t.Errorf("%v: %+v", shell, g)
				}
				if g, err := attempt.ReadGated(p, "a later one"); g != nil || err != nil {
					t.Errorf("%v: after another attempt %+v, %v", shell, g, err)
				}
			}
		})
	}
}

// Two versions of one package, as a killed transaction leaves them, are no release.
func TestGateDuplicates(t *testing.T) {
	t.Parallel()
	m := newMachine(t, at411...)
	m.run("rpm", "-i", "--justdb", "--nodeps", "--force", m.rpm(90, "a 0:4.2-ga"))
	for _, shell := range shells {
		out, code := m.script(shell, m.texts(Space{}).Pre, "1")
		if code != 1 || !strings.Contains(out, "a: 0:4.1-ga is expected, 0:4.2-ga is installed") {
			t.Errorf("exit %d:\n%s", code, out)
		}
	}
}

func TestGateBrokenDatabase(t *testing.T) {
	t.Parallel()
	m := newMachine(t, at411...)
	for _, name := range []string{"rpmdb.sqlite", "rpmdb.sqlite-wal", "rpmdb.sqlite-shm", "Packages"} {
		if _, err := os.Stat(m.path("var/lib/rpm/" + name)); err == nil {
			m.write("var/lib/rpm/"+name, strings.Repeat("no database ", 1000), 0o600)
		}
	}
	out, code := m.script(shells[0], m.texts(Space{}).Pre, "1")
	if code != 1 || !strings.Contains(out, "rpm cannot tell what is installed") {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

// engine puts a stand-in for the engine at a path: it prints its arguments and where it is.
func (m *machine) engine(path string, code int) {
	m.write(path, fmt.Sprintf("#!/bin/sh\necho \"%s $*\"\nexit %d\n", path, code), 0o700)
}

func TestPostAndPosttrans(t *testing.T) {
	t.Parallel()
	const engine = "opt/p-upgrade/4.2.0/bin/engine"
	for name, c := range map[string]struct {
		arg  string // of %post
		code int    // the engine's
		want string
	}{
		"first":   {arg: "1", want: engine + " installed --first\n"},
		"refused": {arg: "1", code: 3, want: engine + " installed --first\n"},
		"update":  {arg: "2", want: engine + " installed\n"},
		"an engine that cannot run": {arg: "1", code: 126, want: engine + " installed --first\n" +
			"The upgrade to 4.2.0 was not started: /" + engine + " cannot be run.\n  start it when the cause is gone: p-upgrade start\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, shell := range shells {
				m := newMachine(t)
				m.engine(engine, c.code)
				texts := m.texts(Space{})
				if out, code := m.script(shell, texts.Post, c.arg); code != 0 || out != "" {
					t.Errorf("%%post: exit %d: %s", code, out)
				}
				for _, made := range Made("p-upgrade") {
					if _, err := os.Stat(m.path(made)); err == nil {
						t.Errorf("%%post made %s and its folders", made)
					}
				}
				if info, err := os.Stat(m.path("var/lib/p-upgrade")); err != nil || info.Mode().Perm() != 0o700 {
					t.Errorf("/var/lib/p-upgrade: %v, %v", info, err)
				}
				out, code := m.script(shell, texts.Posttrans, c.arg)
				if got := strings.ReplaceAll(out, m.root, ""); code != 0 || got != c.want {
					t.Errorf("%v: exit %d:\n%s\nnot\n%s", shell, code, got, c.want)
				}
				if left, err := filepath.Glob(m.path("var/lib/p-upgrade/first-install*")); err != nil || len(left) > 0 {
					t.Errorf("left: %v, %v", left, err)
				}
			}
		})
	}
}

// The bundle is on disk before its engine looks at the host: a power cut would leave it installed and empty.
func TestPosttransSyncs(t *testing.T) {
	t.Parallel()
	const engine = "opt/p-upgrade/4.2.0/bin/engine"
	for name, c := range map[string]struct{ sync, want string }{
		"a path":          {"#!/bin/sh\necho sync $*\n", "sync -f /opt/p-upgrade\n"},
		"no path, as EL7": {"#!/bin/sh\n[ $# = 0 ] || { echo extra operand >&2; exit 1; }\necho sync\n", "sync\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, shell := range shells {
				m := newMachine(t)
				m.engine(engine, 0)
				m.write("stubs/sync", c.sync, 0o700)
				m.env = append(m.env, "PATH="+m.path("stubs")+":"+os.Getenv("PATH"))
				out, code := m.script(shell, m.texts(Space{}).Posttrans, "1")
				if got := strings.ReplaceAll(out, m.root, ""); code != 0 || got != c.want+engine+" installed\n" {
					t.Errorf("%v: exit %d:\n%s", shell, code, got)
				}
			}
		})
	}
}

// TestPosttransUnshared has the engine see the host's network and files though the scriptlet does not, as under
// rpm-plugin-unshare. The first process of a PID namespace stands for the host's.
func TestPosttransUnshared(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	const tell = "#!/bin/sh\nreadlink /proc/self/ns/net /proc/self/ns/mnt\n"
	m.write("tell", tell, 0o700)
	m.write("opt/p-upgrade/4.2.0/bin/engine", tell, 0o700)
	m.write("posttrans", m.texts(Space{}).Posttrans, 0o700)
	for _, without := range []string{"--fork", "--net", "--mount", "--net --mount"} {
		for _, shell := range shells {
			out, code := m.script([]string{"unshare", "--pid", "--fork", "--mount-proc", "sh"},
				fmt.Sprintf("%s/tell; unshare %s %s %s/posttrans", m.root, without, strings.Join(shell, " "), m.root))
			lines := strings.Fields(out)
			if code != 0 || len(lines) != 4 || !slices.Equal(lines[:2], lines[2:]) {
				t.Errorf("%v with %s: exit %d, it sees not what the host does:\n%s", shell, without, code, out)
			}
		}
	}
}

// TestPostAsksTheEngine has %post write man page and completion where there are folders for them.
func TestPostAsksTheEngine(t *testing.T) {
	t.Parallel()
	for _, shell := range shells {
		m := newMachine(t)
		m.engine("opt/p-upgrade/4.2.0/bin/engine", 0)
		m.write("usr/share/man/man8/p-upgrade.8", "of an older bundle", 0o644)
		m.write("usr/share/bash-completion/completions/another", "", 0o644)
		post := m.texts(Space{}).Post
		for range 2 {
			if out, code := m.script(shell, post, "1"); code != 0 || out != "" {
				t.Fatalf("exit %d: %s", code, out)
			}
		}
		for i, topic := range []string{"man", "completion"} {
			path := m.path(Made("p-upgrade")[i])
			text, err := os.ReadFile(path)
			if err != nil || string(text) != "opt/p-upgrade/4.2.0/bin/engine "+topic+"\n" {
				t.Errorf("%s: %q, %v", path, text, err)
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
				t.Errorf("%s: %v, %v", path, info, err)
			}
		}
		m.write("opt/p-upgrade/4.2.0/bin/engine", "#!/bin/sh\necho half\nexit 1\n", 0o700)
		if out, code := m.script(shell, post, "2"); code != 0 || out != "" {
			t.Fatalf("exit %d: %s", code, out)
		}
		if text, err := os.ReadFile(m.path(Made("p-upgrade")[0])); err != nil || strings.Contains(string(text), "half") {
			t.Errorf("an engine that fails: %q, %v", text, err)
		}
		if left, _ := filepath.Glob(m.path("usr/share/man/man8/*.new")); len(left) > 0 {
			t.Errorf("left %v", left)
		}
	}
}

func TestPostun(t *testing.T) {
	t.Parallel()
	for arg, gone := range map[string]bool{"0": true, "1": false} {
		m := newMachine(t)
		texts := m.texts(Space{})
		m.write("var/lib/p-upgrade/first-install-4.2.0", "", 0o600)
		m.write("var/lib/p-upgrade/not-started-4.2.0.json", "", 0o600)
		m.write("var/lib/p-upgrade/state", "running\n", 0o600)
		m.write("opt/p-upgrade/run/x/bin/engine", "", 0o600)
		if out, code := m.script(shells[0], texts.Postun, arg); code != 0 || out != "" {
			t.Errorf("exit %d: %s", code, out)
		}
		for _, name := range []string{"first-install-4.2.0", "not-started-4.2.0.json"} {
			if _, err := os.Stat(m.path("var/lib/p-upgrade/" + name)); os.IsNotExist(err) != gone {
				t.Errorf("%s with %s: %v", name, arg, err)
			}
		}
		for _, p := range []string{"var/lib/p-upgrade/state", "opt/p-upgrade/run/x/bin/engine"} {
			if _, err := os.Stat(m.path(p)); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestWrapper(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bundles []string
		attempt string // version of run/current
		state   string
		empty   string // an engine of which nothing came to the disk
		want    string
		code    int
	}{
		"one bundle":               {bundles: []string{"4.2.0"}, want: "opt/p-upgrade/4.2.0/bin/engine status -x a  b\n"},
		"newest of bundles":        {bundles: []string{"4.9.0", "4.10.0", "4.2.0"}, want: "opt/p-upgrade/4.10.0/bin/engine status -x a  b\n"},
		"running":                  {bundles: []string{"4.2.0"}, attempt: "4.1.1", state: "running", want: "opt/p-upgrade/run/current/bin/engine status -x a  b\n"},
		"needs a person":           {bundles: []string{"4.2.0"}, attempt: "4.1.1", state: "needs-a-person", want: "opt/p-upgrade/run/current/bin/engine status -x a  b\n"},
		"done, next bundle there":  {bundles: []string{"4.2.0"}, attempt: "4.1.1", state: "done", want: "opt/p-upgrade/4.2.0/bin/engine status -x a  b\n"},
		"done, same bundle there":  {bundles: []string{"4.2.0"}, attempt: "4.2.0", state: "done", want: "opt/p-upgrade/4.2.0/bin/engine status -x a  b\n"},
		"done, older bundle there": {bundles: []string{"4.1.1"}, attempt: "4.2.0", state: "done", want: "opt/p-upgrade/run/current/bin/engine status -x a  b\n"},
		"bundle removed":           {attempt: "4.2.0", state: "done", want: "opt/p-upgrade/run/current/bin/engine status -x a  b\n"},
		"newest came to no disk": {bundles: []string{"4.1.1"}, empty: "opt/p-upgrade/4.2.0/bin/engine", code: 1,
			want: "p-upgrade: /opt/p-upgrade/4.2.0/bin/engine is empty: the power went while the bundle was installed; install it once more: dnf reinstall p-upgrade-4.2.0\n"},
		"nothing": {code: 2, want: "p-upgrade: no bundle is installed and no upgrade was run on this host; install one: yum install p-upgrade-VERSION.rpm\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			for _, b := range c.bundles {
				m.engine("opt/p-upgrade/"+b+"/bin/engine", 0)
			}
			if c.attempt != "" {
				m.engine("opt/p-upgrade/run/current/bin/engine", 0)
				m.write("opt/p-upgrade/run/current/version", c.attempt+"\n", 0o600)
			}
			if c.state != "" {
				m.write("var/lib/p-upgrade/state", c.state+"\n", 0o600)
			}
			if c.empty != "" {
				m.write(c.empty, "", 0o700)
			}
			text, err := execute("wrapper.sh", place(m.root, "p-upgrade", ""))
			if err != nil {
				t.Fatal(err)
			}
			for _, shell := range shells {
				out, code := m.script(shell, text, "status", "-x", "a  b")
				if out = strings.ReplaceAll(out, m.root, ""); code != c.code || out != c.want {
					t.Errorf("%v: exit %d: %s", shell, code, out)
				}
			}
		})
	}
}

// TestWrapperTellsPrograms: where no engine is there to tell it, the wrapper tells programs as an engine would.
func TestWrapperTellsPrograms(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	text, err := execute("wrapper.sh", place(m.root, "p-upgrade", ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args   []string
		failed string
	}{{[]string{"wait", "--json"}, "wait"}, {[]string{"report", "--id", "a \" b", "-json"}, "report"}, {[]string{"a \" b", "--json"}, ""}} {
		for _, shell := range shells {
			out, code := m.script(shell, text, c.args...)
			var f answer.Failure
			if err := json.Unmarshal([]byte(out), &f); err != nil || code != 2 || f.ExitCode != 2 || f.Failed != c.failed || f.Why != "no bundle is installed and no upgrade was run on this host" || f.Do == "" {
				t.Errorf("%v %q: exit %d, %v: %s", shell, c.args, code, err, out)
			}
		}
	}
}

// TestWrapperWithoutRoot: when the bundle is gone, who may not see what was run is not told that nothing was.
func TestWrapperWithoutRoot(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	text, err := execute("wrapper.sh", place(m.root, "p-upgrade", ""))
	if err != nil {
		t.Fatal(err)
	}
	m.engine("opt/p-upgrade/run/current/bin/engine", 0)
	for _, path := range []string{filepath.Dir(m.root), m.root, m.path("opt"), m.path("opt/p-upgrade")} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	as := func(mode os.FileMode, shell []string) (string, int) {
		if err := os.Chmod(m.path("opt/p-upgrade/run"), mode); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), shell[0], append(shell[1:], "-c", text, "p-upgrade", "status")...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.CombinedOutput()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	for _, shell := range shells {
		if out, code := as(0o700, shell); code != 2 || !strings.Contains(out, "can be read by root alone; run it with sudo or as root") {
			t.Errorf("%v: exit %d: %s", shell, code, out)
		}
		if out, code := as(0o755, shell); code != 2 || !strings.Contains(out, "no bundle is installed") {
			t.Errorf("%v, a folder that can be seen: exit %d: %s", shell, code, out)
		}
	}
}

// Two bundles of one product own the same file, so it must be the same.
func TestWrapperIsTheSameInAllBundles(t *testing.T) {
	t.Parallel()
	text, err := Wrapper("p-upgrade")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "4.2.0") || !strings.HasPrefix(string(text), "#!/bin/sh\n") {
		t.Errorf("%s", text)
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "a b", "'", `$(rm -rf /) "\`, "a'b'c\n"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+quote(s)).Output()
		if err != nil || string(out) != s {
			t.Errorf("%q became %q, %v", s, out, err)
		}
	}
}
