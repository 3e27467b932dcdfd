package hostcheck

import (
	"strings"
	"testing"

	"onerpm/payload-scripts/internal/config"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/settings"
)

// TestDecisionNotes: each decision is told with who made it, the policy of the bundle is never called the admin's settings
// nor the other way round, and what nobody had to decide is not told.
func TestDecisionNotes(t *testing.T) {
	t.Parallel()
	d := decisions{"2.0", &settings.Settings{Path: "/s", Conflicts: []settings.Conflict{{To: "2.0", Target: "/f", Key: "a", Line: 3}, {To: "2.0", Target: "/f", Key: "*", Line: 9}}}}
	changes := []config.Change{
		{Key: "a.b", Kind: config.Kept, By: config.BySettings, From: `"x"`, To: `"x"`},
		{Key: "c", Kind: config.Changed, By: config.BySettings, From: "1", To: "2"},
		{Key: "d", Kind: config.Changed, By: config.ByPolicy, From: "1\n2", To: "3\n4"},
		{Key: "e", Kind: config.Removed, By: config.ByPolicy, From: "1"},
		{Key: "f", Kind: config.Added, By: config.ByPolicy, To: "1"},
		{Kind: config.Kept, By: config.ByPolicy, From: config.TheFile, To: config.TheFile},
		{Kind: config.Changed, By: config.BySettings, From: config.TheFile, To: config.TheFile},
		{Kind: config.Kept, By: config.BySettings, From: config.Absent, To: config.Absent},
		{Key: "g", Kind: config.Changed, By: config.BySet, From: "1", To: "2"},
		{Key: "h", Kind: config.Added, By: config.BySet, To: "2"},
		{Key: "i", Kind: config.Changed, By: config.ByRelease, From: "1", To: "2"},
	}
	for _, k := range strings.Fields("k1 k2 k3 k4 k5 k6 k7 k8 k9 k10 k11 k12") {
		changes = append(changes, config.Change{Key: k, Kind: config.Kept, By: config.ByAdmin, From: "1", To: "1"})
	}
	want := []string{
		`/f, a.b: this host's "x" stays, as /s:3 decides`,
		`/f, c: this host's 1 becomes 2, as /s:9 decides`,
		`/f, d: this host's 1 ... becomes 3 ..., as the bundle's policy decides`,
		`/f, e: it goes, as in 2.0, as the bundle's policy decides`,
		`/f, f: it becomes 1, as the bundle's policy decides`,
		`/f: this host's own stays, as the bundle's policy decides`,
		`/f: it becomes that of 2.0, as /s:9 decides`,
		`/f: it stays away, as /s:9 decides`,
		`/f, g: this host's 1 becomes 2, as the bundle sets it`,
		`/f: what was changed on this host stays, as 2.0 changes nothing of it: k1, k2, k3, k4, k5, k6, k7, k8, k9, k10 and 2 more`,
	}
	found := d.notes("/f", changes)
	if len(found) != len(want) {
		t.Fatalf("%+v", found)
	}
	for i, f := range found {
		id := "config-decided"
		if i == len(want)-1 {
			id = "config-own"
		}
		if f.What != want[i] || f.ID != id || f.Level != finding.Note || f.Do != "" {
			t.Errorf("%+v\nwant %s", f, want[i])
		}
	}
	if found := d.notes("/f", nil); len(found) > 0 {
		t.Errorf("where nothing changes: %+v", found)
	}
}
