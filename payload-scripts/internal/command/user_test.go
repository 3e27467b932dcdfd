package command

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"onerpm/payload-scripts/internal/answer"
)

// asCommand names the root below which this test's program runs a command instead of its tests.
const asCommand = "COMMAND_TEST_ROOT"

// asUser runs a command line as somebody else than root.
func (w *world) asUser(args ...string) (code int, stdout, stderr string) {
	w.Helper()
	const nobody = 65534
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), asCommand+"="+w.root)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		w.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// TestWithoutRoot: what cannot be read is not told to be nothing, by any command; those that read nothing work.
func TestWithoutRoot(t *testing.T) {
	w := newWorld(t)
	w.attempt(id, upgraded)
	if err := os.Chmod(w.bundle.Places().Var(), 0o700); err != nil {
		t.Fatal(err)
	}
	var lines [][]string
	for _, c := range commands() {
		if c.name != "check" {
			lines = append(lines, []string{c.name})
		}
	}
	for _, verb := range strings.Fields(strings.NewReplacer(",", "", " or", "").Replace(agentVerbs)) {
		lines = append(lines, []string{"agents", verb})
	}
	for _, line := range slices.Concat(lines, [][]string{{"status", "--follow"}, {"status", "--json"}, {"report", "--json"}, {"log", "--json"}, {"clean", "--dry-run"}}) {
		code, out, stderr := w.asUser(line...)
		if slices.Contains(line, "--json") {
			f := decode[answer.Failure](t, out)
			out, stderr = "", stderr+f.Why+"; "+f.Do
		}
		if code != exitUsage || out != "" || !strings.Contains(stderr, "can be read by root alone; run "+line[0]+" with sudo or as root") {
			t.Errorf("%v: exit %d, %q, %q", line, code, out, stderr)
		}
	}
	for _, line := range [][]string{{"help"}, {"help", "settings"}, {"man"}, {"completion"}, {"clean", "--help"}} {
		if code, out, stderr := w.asUser(line...); code != exitDone || out+stderr == "" {
			t.Errorf("%v: exit %d, %q", line, code, stderr)
		}
	}
	if code, out, _ := w.asUser("check", "--json"); code != exitRefused || !strings.Contains(out, `"not-root"`) {
		t.Errorf("check: exit %d, %s", code, out)
	}
}

// TestUnreadable: what root cannot read either is not told to be nothing.
func TestUnreadable(t *testing.T) {
	w := newWorld(t)
	w.write(w.bundle.Places().Var(), "no folder")
	for _, line := range [][]string{{"status"}, {"report"}, {"log"}, {"rollback"}, {"agents"}} {
		out, stderr := w.run(exitFailed, line...)
		if out != "" || !strings.Contains(stderr, "read the attempts that were made") && !strings.Contains(stderr, "read the state of upgrades") {
			t.Errorf("%v: %q, %q", line, out, stderr)
		}
	}
}
