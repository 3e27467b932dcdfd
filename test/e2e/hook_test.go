package e2e

import (
	"strings"
	"testing"

	"onerpm/test/host"
)

// TestHookHangs lets the hook of the switch wait for ever, and wants it ended, undone
// and the old machine back. The undo takes the cause away too, so that the next start succeeds.
func TestHookHangs(t *testing.T) {
	t.Parallel()
	const pipe = "/etc/cloudify/ssl/.internal-ca.new" // nobody reads from it: who writes waits
	m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
	before := whole(t, m)
	m.Sh(t, "mkfifo "+pipe)
	code, out := m.ShCode(t, "dnf install -y "+give(t, m, "4.2.0")+" && "+prefix+" wait")
	if code != 4 || !strings.Contains(out, "hooks/internal-ca was ended after 20s") {
		t.Fatalf("exit %d, want 4 and the hook named\n%s", code, out)
	}
	same(t, "before and after the way back", before, whole(t, m))
	if code, out := m.ShCode(t, "pgrep -af internal-ca"); code == 0 {
		t.Errorf("the hook was left running: %s", out)
	}
	if code, out := m.ShCode(t, prefix+" start && "+prefix+" wait"); code != 0 {
		t.Fatalf("after the cause is gone: exit %d\n%s", code, out)
	}
	checkNew(t, m, "4.2.0")
}
