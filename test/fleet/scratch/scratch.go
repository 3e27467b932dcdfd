// Package scratch makes machines for the tests of fleets that are only folders: rpm and its database are real, systemd,
// dnf and the upgrade's own program are stand-ins. What they are to do lies in files of the folder, and what they were
// asked in its file "calls".
package scratch

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/rpmpack"
)

// Names of the sample bundle.
const (
	Prefix = "p-upgrade"
	Name   = Prefix + "-4.2.0"
	Engine = "/opt/" + Prefix + "/4.2.0/bin/engine"
)

var (
	//go:embed engine.sh
	engine []byte
	//go:embed systemd-run.sh
	systemdRun []byte
	//go:embed systemctl.sh
	systemctl []byte
	//go:embed dnf.sh
	dnf []byte
)

// Bundle writes a bundle whose engine is the stand-in, and returns its path and SHA-256. Bundles with another release
// are other builds of the same bundle.
func Bundle(t testing.TB, release string) (path, digest string) {
	t.Helper()
	r, err := rpmpack.NewRPM(rpmpack.RPMMetaData{
		Name: Name, Version: "4.2.0", Release: release, Arch: "x86_64", Epoch: rpmpack.NoEpoch, BuildTime: time.Unix(1500000000, 0),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.AddFile(rpmpack.RPMFile{Name: Engine, Mode: 0o755, Body: engine})
	r.AddFile(rpmpack.RPMFile{Name: filepath.Dir(filepath.Dir(Engine)) + "/manifest.json", Mode: 0o644, Body: []byte(manifest)})
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), Name+".rpm")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b.Bytes())
	return path, hex.EncodeToString(sum[:])
}

const manifest = `{"format": 1, "product": "Sample", "prefix": "p-upgrade", "from": "4.1.1", "to": "4.2.0", "revision": 1,
 "old": [{"name": "a", "epoch": "0", "version": "4.1", "release": "ga", "arch": "x86_64"}],
 "new": [{"name": "a", "epoch": "0", "version": "4.2", "release": "ga", "arch": "x86_64"}, {"name": "b", "epoch": "0", "version": "1", "release": "1", "arch": "x86_64"}],
 "config": [{"target": "/etc/sample.conf"}]}
`

// Machine is a folder that stands for a machine of release 4.1.1.
type Machine struct {
	t    testing.TB
	Root string
}

// New makes a machine.
func New(t testing.TB) *Machine {
	t.Helper()
	m := &Machine{t, t.TempDir()}
	for path, text := range map[string][]byte{"bin/systemd-run": systemdRun, "bin/systemctl": systemctl, "bin/dnf": dnf} {
		m.write(path, string(text), 0o755)
	}
	m.Write("home/.rpmmacros", "%_dbpath "+m.Path("var/lib/rpm")+"\n")
	m.write("sh", "#!/bin/sh\nexport "+strings.Join(m.set(), " ")+"\nexec /bin/sh \"$@\"\n", 0o755)
	for _, dir := range []string{"var/lib/rpm", "etc", "opt"} {
		if err := os.MkdirAll(m.Path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(m.end)
	return m
}

// end ends what a unit still runs.
func (m *Machine) end() {
	units, _ := filepath.Glob(m.Path("units/*.service"))
	for _, unit := range units {
		_ = m.command("systemctl", "kill", filepath.Base(unit)).Run() // it may have ended
	}
}

// Path is where a file of the machine is.
func (m *Machine) Path(p string) string { return filepath.Join(m.Root, p) }

// Terminal has the shell answer as on a terminal: what a login prints comes first, and both outputs are one.
func (m *Machine) Terminal() {
	m.t.Helper()
	m.write("sh", "#!/bin/sh\nexport "+strings.Join(m.set(), " ")+"\nprintf 'Welcome to {this} machine\\n{here}\\n'\nexec /bin/sh \"$@\" 2>&1\n", 0o755)
}

// Shell is a program that stands for /bin/sh of that machine.
func (m *Machine) Shell() string { return m.Path("sh") }

func (m *Machine) set() []string {
	return []string{
		"PATH=" + m.Path("bin") + ":" + os.Getenv("PATH"), "HOME=" + m.Path("home"), "ONERPM_FLEET_ROOT=" + m.Root,
	}
}

// Write writes a file of the machine.
func (m *Machine) Write(path, text string) { m.write(path, text, 0o644) }

func (m *Machine) write(path, text string, mode os.FileMode) {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Dir(m.Path(path)), 0o755); err != nil {
		m.t.Fatal(err)
	}
	syscall.ForkLock.RLock() // a program that is started meanwhile would hold it open for writing, and it could not be run
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(m.Path(path), []byte(text), mode); err != nil { //nolint:gosec // a test's own folder
		m.t.Fatal(err)
	}
}

// Remove removes a file of the machine.
func (m *Machine) Remove(path string) {
	m.t.Helper()
	if err := os.RemoveAll(m.Path(path)); err != nil {
		m.t.Fatal(err)
	}
}

// Has tells whether the machine has a file.
func (m *Machine) Has(path string) bool {
	_, err := os.Lstat(m.Path(path))
	return err == nil
}

// Calls are what the stand-ins were asked since the last time.
func (m *Machine) Calls() []string {
	m.t.Helper()
	text, err := os.ReadFile(m.Path("calls"))
	if err != nil && !os.IsNotExist(err) {
		m.t.Fatal(err)
	}
	m.Remove("calls")
	return slices.Collect(strings.Lines(string(text)))
}

// command is a program in the machine's environment.
func (m *Machine) command(name string, args ...string) *exec.Cmd {
	if !strings.Contains(name, "/") && m.Has("bin/"+name) {
		name = m.Path("bin/" + name)
	}
	cmd := exec.Command(name, args...) //nolint:noctx // also used when the test's context has ended
	cmd.Env = append(os.Environ(), m.set()...)
	return cmd
}

// Run runs a program there.
func (m *Machine) Run(t testing.TB, name string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := m.command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}
