package service

import (
	"testing"

	"onerpm/payload-scripts/internal/systemd"
	"onerpm/test/systemdtest"
)

// TestStopEarly: also a unit that is down is stopped, because it may be about to start again; one that is not there has stopped.
func TestStopEarly(t *testing.T) {
	t.Parallel()
	for _, active := range []string{"active", "inactive", "failed"} {
		w := newWorld(t, nil, systemdtest.Unit{Name: "sql", Active: active, File: "enabled"})
		must(t, w.StopEarly(t.Context(), "sql"), w.StopEarly(t.Context(), "none"))
		if got, down := w.jobs(), systemd.Down(w.State("sql")); got != "stop sql" || !down {
			t.Errorf("%s: %q, and it is %s", active, got, w.State("sql"))
		}
	}
}
