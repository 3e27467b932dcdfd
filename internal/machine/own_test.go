package machine

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"
)

// What is copied into a machine has the right content, permissions and links; what is neither file, folder nor link is refused.
func TestCopyTree(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "deep", "to")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(from, "sub", "empty"), 0o750),
		os.WriteFile(filepath.Join(from, "sub", "file"), []byte("body"), 0o640),
		os.Symlink("sub/file", filepath.Join(from, "link")),
		os.MkdirAll(to, 0o755),
		os.WriteFile(filepath.Join(to, "link"), []byte("in the way"), 0o600),
		os.WriteFile(filepath.Join(to, "kept"), nil, 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := copyTree(from, to); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{"sub": os.ModeDir | 0o750, "sub/empty": os.ModeDir | 0o750, "sub/file": 0o640, "kept": 0o600} {
		info, err := os.Stat(filepath.Join(to, name))
		if err != nil || info.Mode() != mode {
			t.Errorf("%s: %v %v, want %v", name, info, err, mode)
		}
	}
	if link, err := os.Readlink(filepath.Join(to, "link")); err != nil || link != "sub/file" {
		t.Errorf("the link leads to %q, %v", link, err)
	}
	if body, err := os.ReadFile(filepath.Join(to, "sub", "file")); err != nil || string(body) != "body" {
		t.Errorf("the file is %q, %v", body, err)
	}
	if err := syscall.Mkfifo(filepath.Join(from, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := copyTree(from, to); err == nil || !strings.Contains(err.Error(), "neither a file") {
		t.Errorf("a FIFO: %v", err)
	}
	if err := copyTree(filepath.Join(from, "none"), to); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
}

// makeFolders opens what it makes to all, whatever the umask, and leaves what is there.
func TestMakeFolders(t *testing.T) {
	t.Parallel()
	top := filepath.Join(t.TempDir(), "top")
	if err := os.Mkdir(top, 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := makeFolders(filepath.Join(top, "a", "b")); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]os.FileMode{top: 0o700, filepath.Join(top, "a"): 0o755, filepath.Join(top, "a", "b"): 0o755} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v, want %v", name, info, err, want)
		}
	}
}

func TestRecipeLines(t *testing.T) {
	t.Parallel()
	got := recipeLines("# a comment\n\n  one \n\ttwo words\n#three\n")
	if want := []string{"one", "two words"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for _, name := range []string{"debian/packages", "debian/exclude", "base/provides"} {
		if len(recipeLines(recipeText(name))) == 0 {
			t.Errorf("%s names nothing", name)
		}
	}
}

// The key of a machine is the same each time, and another one for whatever a product adds; what a product adds stands in its place.
func TestKeys(t *testing.T) {
	t.Parallel()
	keys := map[string]string{}
	for name, s := range map[string]System{
		"nothing":  {},
		"packages": {Packages: "nginx-light\n"},
		"provides": {Provides: "nginx = 1\n"},
		"setup":    {Setup: "true\n"},
		"a file":   {Tree: fstest.MapFS{"etc/x": {Data: []byte("x")}}},
		"another":  {Tree: fstest.MapFS{"etc/x": {Data: []byte("y")}}},
		"one more": {Tree: fstest.MapFS{"etc/x": {Data: []byte("x")}, "etc/y": {Data: []byte("")}}},
	} {
		r, err := rootOf(Options{System: s})
		if err != nil {
			t.Fatal(err)
		}
		one, err := r.baseKey()
		again, errAgain := r.baseKey()
		if err != nil || errAgain != nil || one != again || len(one) != 16 || keys[one] != "" {
			t.Errorf("%s: %q, then %q, as of %q (%v, %v)", name, one, again, keys[one], err, errAgain)
		}
		keys[one] = name
		if all := r.text("debian/packages") + r.text("base/provides") + r.text("base/setup.sh"); strings.Contains(all, "@PRODUCT@") ||
			!strings.Contains(all, s.Packages) || !strings.Contains(all, s.Provides) || !strings.Contains(all, s.Setup) {
			t.Errorf("%s: not filled in", name)
		}
	}
	if packages, err := PackagesOn("debian13", System{Packages: "all\none debian12\ntwo debian11 debian13"}); err != nil || !slices.Contains(packages, "all") ||
		slices.Contains(packages, "one") || !slices.Contains(packages, "two") || !slices.Contains(packages, "systemd") {
		t.Errorf("%q, %v", packages, err)
	}
}

func TestLastLines(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"": "", "a": "a", "a\nb\n": "a\nb", "a\nb\nc\n\n": "b\nc"} {
		if got := lastLines([]byte(text), 2); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// A process that has ended and one that never was are not waited for; one that a signal ended has a shell's code.
func TestProcessState(t *testing.T) {
	t.Parallel()
	if isZombie(os.Getpid()) || parent(os.Getpid()) != os.Getppid() {
		t.Errorf("this process: zombie %v, parent %d, want %d", isZombie(os.Getpid()), parent(os.Getpid()), os.Getppid())
	}
	cmd := exec.CommandContext(t.Context(), "sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if leader := findLeader(cmd.Process.Pid); leader != 0 { // this process may have started machines, for other tests
		t.Errorf("a program that has started no machine has one whose first process is %d", leader)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(time.Minute); !isZombie(cmd.Process.Pid); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("a killed process that nobody waited for is no zombie")
		}
	}
	_ = cmd.Wait()
	if code := exitCode(cmd); code != 128+int(syscall.SIGKILL) {
		t.Errorf("exit code %d of a killed process", code)
	}
	if !isZombie(cmd.Process.Pid) || parent(cmd.Process.Pid) != 0 {
		t.Errorf("a process that is gone: zombie %v, parent %d", isZombie(cmd.Process.Pid), parent(cmd.Process.Pid))
	}
}

func TestNumeric(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{"localhost:80": "127.0.0.1:80", "127.0.0.1:80": "127.0.0.1:80", "[::1]:80": "[::1]:80", "mylocalhost:80": "mylocalhost:80"} {
		if got := numeric(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

// A machine that was never on, and one that was stopped, say so instead of hanging.
func TestOff(t *testing.T) {
	t.Parallel()
	m := &Machine{}
	if _, err := m.Run(t.Context(), "true"); err == nil {
		t.Error("a command ran")
	}
	if _, err := m.Dial(t.Context(), "tcp", "127.0.0.1:80"); err == nil {
		t.Error("it was reached")
	}
	if err := m.PowerCut(t.Context()); err == nil || !strings.Contains(err.Error(), "DiskMiB") {
		t.Errorf("a power cut without a disk: %v", err)
	}
	if err := m.Poweroff(t.Context()); err == nil {
		t.Error("it was shut down")
	}
	if _, err := m.Prefix(); err == nil {
		t.Error("there is a way into it")
	}
	if m.Off() != nil || m.Processes() != nil || m.EnterCommand() != "(the machine is off)" {
		t.Errorf("off: %v, %d processes, %s", m.Off(), len(m.Processes()), m.EnterCommand())
	}
	for range 2 {
		if err := m.Stop(); err != nil {
			t.Error(err)
		}
	}
	if err := m.Start(t.Context()); err == nil {
		t.Error("a machine that was stopped for good starts")
	}
}

// A cache folder that an overlay cannot lie on is told before anything is made.
func TestCacheDir(t *testing.T) {
	for _, bad := range []string{"a:b", "a,b", `a\b`} {
		dir := filepath.Join(t.TempDir(), bad)
		t.Setenv("ONERPM_CACHE", dir)
		if _, err := CacheDir(); err == nil || !strings.Contains(err.Error(), "ONERPM_CACHE") {
			t.Errorf("%s: %v", bad, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s was made", bad)
		}
	}
	want := filepath.Join(t.TempDir(), "new", "cache")
	t.Setenv("ONERPM_CACHE", want)
	if got, err := CacheDir(); err != nil || got != want {
		t.Errorf("%s, %v", got, err)
	}
}
