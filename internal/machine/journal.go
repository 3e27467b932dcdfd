package machine

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// JournalTail returns the last lines of the machine's journal, of this boot and
// those before, on or off: what a person wants to see first when something failed.
// Lines of su are left out: tests ask the database by it, several times a second.
func (m *Machine) JournalTail(lines int) string {
	out, err := m.Journal(context.Background(), "-n", strconv.Itoa(10*lines))
	if err != nil {
		return fmt.Sprintf("no journal: %v\n%s", err, out)
	}
	all := slices.DeleteFunc(slices.Collect(strings.Lines(out)), func(line string) bool { return strings.Contains(line, " su[") })
	return strings.Join(all[max(0, len(all)-lines):], "")
}

// WithJournal adds the last lines of the machine's journal to an error.
func (m *Machine) WithJournal(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w\n%s", err, m.JournalTail(40))
}

// Journal returns what journalctl says of the machine's journal with the given
// arguments, such as "-u", "nginx". The machine may be off.
func (m *Machine) Journal(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, killLimit)
	defer cancel()
	if m.current() != nil {
		_, _ = m.Run(ctx, "journalctl", "--flush", "--sync")
	}
	args = append([]string{"--no-pager", "--quiet", "-o", "short-precise", "-D", m.Path("/var/log/journal")}, args...)
	cmd := exec.CommandContext(ctx, "journalctl", args...)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("read the machine's journal: %w", err)
	}
	return string(out), nil
}
