package host

import (
	"context"
	"strings"
	"testing"
	"time"
)

// commandLimit bounds one command of a test; a whole upgrade is one.
const commandLimit = 10 * time.Minute

// Start boots a machine for a test and stops it at the test's end. If the test
// failed, the last lines of the machine's journal go to its log.
func Start(t testing.TB, o Options) *Machine {
	t.Helper()
	m, err := Boot(t.Context(), o)
	if err != nil {
		t.Fatalf("boot a test machine: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the machine's journal:\n%s", m.JournalTail(60))
		}
		if err := m.Stop(); err != nil {
			t.Errorf("stop the test machine: %v", err)
		}
	})
	return m
}

// Sh runs a script in the machine and returns what it printed on standard output,
// without space around it. A script that fails ends the test.
func (m *Machine) Sh(t testing.TB, script string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandLimit)
	defer cancel()
	r, err := m.Shell(ctx, script)
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", script, err, r.Stdout, r.Stderr)
	}
	if r.Code != 0 {
		t.Fatalf("%s: exit %d\n%s%s", script, r.Code, r.Stdout, r.Stderr)
	}
	return strings.TrimSpace(r.Stdout)
}

// ShCode runs a script in the machine and returns its exit code and both outputs,
// standard output first. It works in a test's cleanup too.
func (m *Machine) ShCode(t testing.TB, script string) (code int, output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), commandLimit)
	defer cancel()
	r, err := m.Shell(ctx, script)
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", script, err, r.Stdout, r.Stderr)
	}
	return r.Code, r.Stdout + r.Stderr
}
