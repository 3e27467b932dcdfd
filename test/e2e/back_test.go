package e2e

import (
	"testing"

	"onerpm/test/host"
)

// TestKilledEngine kills the engine once in the window and once after the
// commit, and wants it to go on by itself: back, and forward.
func TestKilledEngine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, step string
		want       int // exit code of wait
	}{
		{"in the window", "packages to new", 4},
		{"after the commit", "open the door", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
			editPackagedConfig(t, m)
			before := whole(t, m)
			m.Sh(t, "dnf install -y "+give(t, m, "4.2.0"))
			m.Sh(t, `for i in $(seq 3000); do grep -q '"`+c.step+`"' /var/lib/`+prefix+`/4.2.0-*/journal.json && break; sleep 0.02; done
				kill -9 $(systemctl show -P MainPID `+prefix+`)`)
			code, out := m.ShCode(t, prefix+" wait")
			if code != c.want {
				_, log := m.ShCode(t, prefix+" report")
				t.Fatalf("exit %d, want %d\n%s\n%s", code, c.want, out, log)
			}
			if c.want == 0 {
				checkNew(t, m, "4.2.0")
				checkPackagedConfig(t, m)
				return
			}
			same(t, "before and after", before, whole(t, m))
		})
	}
}
