package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"onerpm/test/host"
	"onerpm/test/machinecheck"
	"onerpm/test/product/elasticsearch"
	"onerpm/test/product/expected"
)

// TestFirstJumpBusy has users work with the product all the time while it leaves Elasticsearch. What they were told before the door was shut holds
// after it was opened: writes are there with their content, what was deleted is gone. And the rows that were copied in two passes are those that an
// independent reading in another language makes of the documents as they were at the end.
func TestFirstJumpBusy(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "3.4.2", Data: true})
	m.Sh(t, administrator)
	settings, rpm := ofHost(t, m), give(t, m, "4.0.1")
	u := startUsers(t, m)
	u.await(t, 30)
	began := time.Now()
	if code, out := m.ShCode(t, "dnf install -y "+rpm+" && "+prefix+" wait"); code != 0 {
		t.Fatalf("exit %d\n%s\n%s", code, out, machinecheck.Report(t, m))
	}
	u.await(t, 10)
	u.end()
	checkNew(t, m, "4.0.1")
	settle(t, m)
	closed, opened := u.window("3.4.2", "4.0.1")
	before := u.count(began, func(q question) bool { return isAcknowledged(q) && q.answered.Before(closed) })
	t.Logf("the door was shut for %s; in the %s of the upgrade before that %d writes were acknowledged; %d things and %d deletions are to be found",
		opened.Sub(closed).Round(time.Millisecond), closed.Sub(began).Round(time.Millisecond), before, u.things(), len(u.gone))
	if before < 10 || len(u.gone) == 0 {
		t.Errorf("while the documents were copied %d writes were acknowledged, and %d deletions in all: nothing was tried", before, len(u.gone))
	}
	var report told
	if read(t, m, &report); report.Clients.Taken == 0 {
		t.Error("nobody waited while the door was shut")
	}
	shut, open := report.shut(t)
	if n := u.count(shut, func(q question) bool { return q.answered.Before(open) && q.end == acknowledged }); n > 0 {
		t.Errorf("%d requests were acknowledged while the door was shut", n)
	}
	if n := u.count(began, func(q question) bool { return q.answered.Sub(q.sent) >= questionLimit }); n > 0 {
		t.Errorf("%d requests were neither answered nor refused for %s", n, questionLimit)
	}
	u.check(t)
	u.checkEvents(t)
	u.compareCopy(t, settings)
}

// settle waits until the worker has ended what was started.
func settle(t *testing.T, m *host.Machine) {
	t.Helper()
	const under = "select count(*) from executions where status not in ('terminated', 'failed', 'cancelled')"
	if left := m.Sh(t, "for i in $(seq 300); do left=$("+psql(under)+"); [ $left = 0 ] && break; sleep 0.2; done; echo $left"); left != "0" {
		t.Errorf("%s executions were not taken to their end", left)
	}
}

func (u *users) things() (n int) {
	for _, all := range u.kept {
		n += len(all)
	}
	return n
}

// checkEvents: each execution has the events of its begin and end, and its log, whichever release it ran in.
func (u *users) checkEvents(t *testing.T) {
	t.Helper()
	found := map[string]string{}
	for _, line := range strings.Fields(u.m.Sh(t, psql(`select e.id || '|' || e.status || '|' ||
		(select count(distinct v.event_type) from events v where v._execution_fk = e._storage_id and v.event_type in ('workflow_started', 'workflow_succeeded')) || '|' ||
		least(1, (select count(*) from logs l where l._execution_fk = e._storage_id)) from executions e`))) {
		id, rest, _ := strings.Cut(line, "|")
		found[id] = rest
	}
	for id := range u.kept["executions"] {
		if found[id] != "terminated|2|1" {
			t.Errorf("execution %s: %s", id, found[id])
		}
	}
}

// compareCopy holds the rows against the documents, which an Elasticsearch of the test's own reads from a copy of the folder that the upgrade leaves until "clean".
func (u *users) compareCopy(t *testing.T, settings map[string]any) {
	t.Helper()
	node, err := elasticsearch.Start(t.Context(), elasticsearch.Options{Data: u.m.Path("/var/lib/elasticsearch")})
	if err != nil {
		t.Fatal(err)
	}
	want := t.TempDir()
	summary, err := expected.FromDocuments(t.Context(), node.Address, want, settings)
	if err != nil {
		t.Error(err)
	}
	if err := node.Stop(); err != nil || t.Failed() {
		t.Fatal(err)
	}
	if len(summary.Misfits) > 0 || len(summary.Refused) > 0 || summary.Rows["events"] < 300 {
		t.Errorf("the documents: %+v", summary)
	}
	got := tablesOf(t, u.m)
	for _, table := range expected.Tables {
		lacking, added := without(lines(t, got, table), lines(t, want, table))
		slices.Sort(lacking)
		for _, row := range lacking[:min(3, len(lacking))] {
			t.Errorf("%s: of %d rows that lack one is\n%.1500s", table, len(lacking), row)
		}
		for _, row := range added {
			if !u.since(t, table, row) {
				t.Errorf("%s: no document says\n%.1500s", table, row)
			}
		}
	}
}

// since tells whether a row is one that 4.0.1 has made: events and logs have no id then, and of the others a user was told.
func (u *users) since(t *testing.T, table, row string) bool {
	t.Helper()
	var is item
	if err := json.Unmarshal([]byte(row), &is); err != nil {
		t.Fatal(err)
	}
	switch table {
	case "events", "logs":
		return is["id"] == nil
	case "blueprints", "executions":
		return u.kept[table][fmt.Sprint(is["id"])] != nil
	}
	return false
}

// lines are a table's rows, and how often each is there.
func lines(t *testing.T, folder, table string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, table+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for line := range bytes.Lines(text) {
		found[string(line)]++
	}
	return found
}

// without are the lines that only one of two tables has.
func without(got, want map[string]int) (lacking, added []string) {
	for line, n := range want {
		if got[line] < n {
			lacking = append(lacking, line)
		}
	}
	for line, n := range got {
		if want[line] < n {
			added = append(added, line)
		}
	}
	return lacking, added
}
