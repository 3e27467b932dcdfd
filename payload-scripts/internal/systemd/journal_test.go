package systemd

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestLastLinesSince asks for the lines of one start alone, and for all when nobody knows when it was.
func TestLastLinesSince(t *testing.T) {
	t.Parallel()
	at := time.Unix(1764466666, 4_005_999).UTC()
	if got := lastLines("app", at); !slices.Contains(got, "--since=@1764466666.004005") || !slices.Contains(got, "app.service") {
		t.Errorf("%q", got)
	}
	if got := strings.Join(lastLines("app.socket", time.Time{}), " "); strings.Contains(got, "--since") || !strings.Contains(got, "app.socket") {
		t.Errorf("%q", got)
	}
}
