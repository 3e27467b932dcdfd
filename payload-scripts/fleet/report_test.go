package fleet

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/agent"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/upgrade"
)

// TestReportsOfTheEngine: the bundler understands twenty reports as the engine writes them.
func TestReportsOfTheEngine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range 20 {
		r := upgrade.Report{
			Product: "P", ID: "20260102-030405", From: "4.1.1", To: "4.2.0", Outcome: journal.Upgraded, Phase: journal.Finished, Began: began, Ended: began.Add(time.Minute),
			Window: manifest.Duration(2*time.Second + time.Duration(i)*100*time.Millisecond), Measured: true, Limit: manifest.Duration(time.Minute),
		}
		switch i {
		case 3, 11:
			r.Outcome, r.Error, r.Todo = journal.RolledBack, fmt.Sprintf("unit a is not healthy after %ds", 60+i), "Remove the cause"
		case 5:
			r.Outcome, r.Error = journal.NeedsAPerson, "the disk is full"
		case 7:
			r.Outcome, r.Error, r.Window = journal.Refused, "a package manager is busy", 0
		case 9:
			r.Outcome, r.Ended = journal.Running, time.Time{}
		case 13:
			r.Agents = &agent.Record{State: agent.Pending}
		case 14:
			r.Agents = &agent.Record{State: agent.Done}
		}
		text, err := json.MarshalIndent(r, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("m%d.json", i)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), "go", "run", "-buildvcs=false", "onerpm/bundler", "fleet", "report", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"m13 4.1.1 4.2.0 upgraded, agents pending 3.3 s", "m14 4.1.1 4.2.0 upgraded 3.4 s", "m9 4.1.1 4.2.0 under way 2.9 s",
		"2 rolled back unit a is not healthy after 63s", "1 needs a person the disk is full", "1 refused a package manager is busy",
		"20 machines: 1 needs a person, 2 rolled back, 1 refused, 1 under way, 15 upgraded; out of service 2.0 s to 3.9 s, half of them at most 3.2 s",
	} {
		if !strings.Contains(strings.Join(strings.Fields(string(out)), " "), want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
}
