package scriptlets

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/rpmpack"
)

// machine is a root with an rpm database of its own.
type machine struct {
	t    *testing.T
	root string
	env  []string
}

// newMachine makes a machine on which the packages, "name epoch:version-release", are installed.
func newMachine(t *testing.T, packages ...string) *machine {
	t.Helper()
	m := &machine{t: t, root: t.TempDir()}
	home := filepath.Join(m.root, "home")
	db := filepath.Join(m.root, "var/lib/rpm")
	for _, dir := range []string{home, db, m.path("run/systemd/system"), m.path("opt"), m.path("etc")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	m.write("home/.rpmmacros", "%_dbpath "+db+"\n", 0o600)
	m.env = append(os.Environ(), "HOME="+home)
	if len(packages) > 0 {
		args := []string{"-i", "--justdb", "--nodeps"}
		for i, p := range packages {
			args = append(args, m.rpm(i, p))
		}
		m.run("rpm", args...)
	}
	return m
}

func (m *machine) path(p string) string { return filepath.Join(m.root, p) }

func (m *machine) write(path, content string, mode os.FileMode) {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Dir(m.path(path)), 0o700); err != nil {
		m.t.Fatal(err)
	}
	syscall.ForkLock.RLock() // a program that is started meanwhile would hold it open for writing, and it could not be run
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(m.path(path), []byte(content), mode); err != nil {
		m.t.Fatal(err)
	}
}

// rpm writes an empty package and returns its path.
func (m *machine) rpm(i int, p string) string {
	m.t.Helper()
	k := known(p)[0]
	epoch, vr, _ := strings.Cut(k.EVR, ":")
	version, release, _ := strings.Cut(vr, "-")
	meta := rpmpack.RPMMetaData{Name: k.Name, Version: version, Release: release, Arch: "noarch", Epoch: rpmpack.NoEpoch}
	if epoch != "0" {
		if _, err := fmt.Sscan(epoch, &meta.Epoch); err != nil {
			m.t.Fatal(err)
		}
	}
	r, err := rpmpack.NewRPM(meta)
	if err != nil {
		m.t.Fatal(err)
	}
	path := m.path(fmt.Sprintf("%d.rpm", i))
	f, err := os.Create(path)
	if err != nil {
		m.t.Fatal(err)
	}
	defer f.Close()
	if err := r.Write(f); err != nil {
		m.t.Fatal(err)
	}
	return path
}

func (m *machine) run(name string, args ...string) {
	m.t.Helper()
	cmd := exec.CommandContext(m.t.Context(), name, args...)
	cmd.Env = m.env
	if out, err := cmd.CombinedOutput(); err != nil {
		m.t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// script runs a text with an argument as rpm does, and returns what it prints and its exit code.
func (m *machine) script(shell []string, text string, args ...string) (string, int) {
	m.t.Helper()
	m.write("script", text, 0o700)
	cmd := exec.CommandContext(m.t.Context(), shell[0], append(append(shell[1:], m.path("script")), args...)...)
	cmd.Env = m.env
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		m.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func (m *machine) texts(space Space) Texts {
	m.t.Helper()
	t, err := render(m.root, sample(), space)
	if err != nil {
		m.t.Fatal(err)
	}
	return t
}
