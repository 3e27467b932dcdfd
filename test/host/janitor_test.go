package host_test

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"onerpm/test/host"
)

// What a killed process leaves is removed by the next one that boots a machine.
func TestKilledOwner(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "machine")
	if out, err := exec.Command("go", "build", "-o", program, "./machine").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), program, "--disk", "128", "--", "sh", "-c", "echo up; sleep 600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	before := machines(t)
	runtime.LockOSThread() // Pdeathsig is about the thread: another test may end the one that started the program
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "up\n" {
		t.Fatalf("the machine said %q, %v", line, err)
	}
	var left []string
	for dir := range machines(t) {
		if mounts, err := os.ReadFile("/proc/self/mounts"); err == nil && !before[dir] && strings.Contains(string(mounts), dir+"/disk ") {
			left = append(left, dir)
		}
	}
	if len(left) == 0 {
		t.Fatal("the machine has no folder")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	host.Start(t, host.Options{})
	for _, dir := range left {
		awaitGone(t, dir)
	}
}

// machines returns the folders of the machines that there are.
func machines(t *testing.T) map[string]bool {
	t.Helper()
	cache, err := host.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dirs, err := filepath.Glob(filepath.Join(cache, "machines", "*[0-9a-f]"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, dir := range dirs {
		found[dir] = true
	}
	return found
}

// awaitGone waits for a leftover's end: another test may be the one that removes it.
// A machine of another test with a disk is in the list too; it goes with that test.
func awaitGone(t *testing.T, dir string) {
	t.Helper()
	for range 15000 {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%s is still there", dir)
}
