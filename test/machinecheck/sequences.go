package machinecheck

import (
	"strconv"
	"strings"
	"testing"

	"onerpm/test/host"
)

// Sequences is the number that each of the database's sequences gives next, by name, but for those of tables that clients write to.
func Sequences(t testing.TB, m *host.Machine, without Without) map[string]int64 {
	t.Helper()
	found := map[string]int64{}
	if keepsDocuments(t, m) {
		return found
	}
	out := m.Sh(t, SQL("select sequencename, coalesce(last_value + 1, start_value) from pg_sequences where schemaname = 'public'"))
	for line := range strings.Lines(out) {
		name, next, _ := strings.Cut(strings.TrimSpace(line), "|")
		n, err := strconv.ParseInt(next, 10, 64)
		if err != nil {
			t.Fatalf("a sequence: %q", line)
		}
		found[name] = n
	}
	if len(found) == 0 {
		t.Fatal("the database has no sequences")
	}
	for table := range without.Rows {
		for name := range found {
			if strings.HasPrefix(name, table+"_") {
				delete(found, name)
			}
		}
	}
	return found
}

// skipped is how many numbers of a sequence PostgreSQL forgets when it is cut off (SEQ_LOG_VALS of its sequence.c).
const skipped = 32

// SameSequences fails when a sequence does not go on where it stood, but for what PostgreSQL itself skips when it is cut off.
func SameSequences(t testing.TB, before, after map[string]int64, cut bool) {
	t.Helper()
	for name, was := range before {
		is, there := after[name]
		if most := was + map[bool]int64{true: skipped + 1}[cut]; !there || is < was || is > most {
			t.Errorf("the sequence %s gave %d next and gives %d now, there %t", name, was, is, there)
		}
	}
}
