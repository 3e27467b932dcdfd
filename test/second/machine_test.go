package second

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// code runs a program in a folder and returns how it ended.
func code(t *testing.T, dir, name string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// TestMachine is a release engineer of this product, who has a folder and the bundler alone: a machine of a release, and
// certification on such machines.
func TestMachine(t *testing.T) {
	t.Parallel()
	project, bundler := bundle(t)
	key, err := filepath.Abs("../keys/demo.key.asc")
	if err != nil {
		t.Fatal(err)
	}
	got, out, told := code(t, project, bundler, "machine", "--release", "1.0", "--data", "--disk", "512", "--", "sh", "-c",
		`curl -fsS http://127.0.0.1:7070/saying; echo; rpm -q almanac; su postgres -c "psql -XAt -d almanac -c 'select * from edition'"; ls /root; ls /var/tmp/machine; stat -f -c %T /; exit 3`)
	var answer struct {
		Greeting string
		Asked    int
	}
	first, rest, _ := strings.Cut(out, "\n")
	if err := json.Unmarshal([]byte(first), &answer); err != nil || answer.Greeting != "Good morning" || answer.Asked != 2 {
		t.Errorf("the product answers %q, %v", first, err)
	}
	if want := "almanac-1.0-1.noarch\n1.0\nalmanac-upgrade-2.0.rpm\nalmanac.pem\noverlayfs\n"; got != 3 || rest != want {
		t.Errorf("exit %d, want 3:\n%s\nwant\n%s\n%s", got, rest, want, told)
	}
	rpm := filepath.Join(project, "dist", "almanac-upgrade-2.0.rpm")
	certify := []string{"certify", rpm, "--local", "--platform", "debian12.x86_64", "--key", key}
	if got, out, told := code(t, project, bundler, append(certify, "--only", "fresh")...); got != 0 || strings.Contains(told, "making the layer") {
		t.Errorf("certify: exit %d, and the layers that are there were to be used\n%s%s", got, out, told)
	}
	broken(t, project, bundler, certify)
	if left := machinesOf(t, bundler); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// broken has setup.sh fail: certification ends at once, with its words.
func broken(t *testing.T, project, bundler string, certify []string) {
	t.Helper()
	setup := filepath.Join(project, "machine", "setup.sh")
	if err := os.WriteFile(setup, []byte("echo no room for the $ONERPM_RELEASE of the almanac >&2; exit 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	got, out, told := code(t, project, bundler, certify...)
	if want := "machine/setup.sh: exit 7"; got != 10 || !strings.Contains(told, want) || strings.Count(told, "  machine      no room for the 1.0 of the almanac") == 0 {
		t.Errorf("exit %d, want 10 and %q\n%s%s", got, want, out, told)
	}
	t.Logf("it ended after %.1f s", time.Since(begun).Seconds())
	if found, _ := filepath.Glob(filepath.Join(project, "dist", "*certificate*")); len(found) > 0 {
		t.Errorf("there is %q", found)
	}
}

// machinesOf are the processes of a bundler that are there.
func machinesOf(t *testing.T, bundler string) (left []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if line, err := os.ReadFile(file); err == nil && slices.Contains(strings.Split(string(line), "\x00"), bundler) {
			left = append(left, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return left
}
