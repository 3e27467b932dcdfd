package machinecheck

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"onerpm/internal/machine"
	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
	"onerpm/test/host"
)

// Differences names what is gone, new and other, sorted, and long values by their digest.
func TestDifferences(t *testing.T) {
	t.Parallel()
	long, longer := strings.Repeat("x", 300), strings.Repeat("x", 299)+"y"
	got := Differences(
		map[string]string{"same": "1", "gone": "1", "other": "1", "long": long},
		map[string]string{"same": "1", "new": "1", "other": "2", "long": longer})
	if len(got) != 4 || got[0] != "gone: gone" || got[2] != "new: new" || got[3] != "other: 2, was 1" {
		t.Fatalf("%q", got)
	}
	if !strings.HasPrefix(got[1], "long: xxx") || len(got[1]) > 500 || !strings.Contains(got[1], digest(long)) || !strings.Contains(got[1], digest(longer)) {
		t.Errorf("long values: %q", got[1])
	}
	if got := Differences(map[string]string{"a": ""}, map[string]string{"a": ""}); len(got) != 0 {
		t.Errorf("the same: %q", got)
	}
}

// heard is a test that only counts complaints.
type heard struct {
	testing.TB
	complaints []string
}

func (h *heard) Helper()                   {}
func (h *heard) Errorf(f string, _ ...any) { h.complaints = append(h.complaints, f) }

// Same fails once for any difference, and says no more than a person reads.
func TestSame(t *testing.T) {
	t.Parallel()
	h := &heard{TB: t}
	Same(h, "two maps", map[string]string{"a": "1"}, map[string]string{"a": "1"})
	if len(h.complaints) != 0 {
		t.Errorf("the same: %q", h.complaints)
	}
	Same(h, "two maps", map[string]string{"a": "1", "b": "1"}, nil)
	if len(h.complaints) != 1 {
		t.Errorf("two differences: %q", h.complaints)
	}
}

func TestWant(t *testing.T) {
	t.Parallel()
	got := Want([]manifest.Package{{ID: nevra.ID{Name: "b", Version: "1", Release: "2"}}, {ID: nevra.ID{Name: "a", Epoch: 3, Version: "1", Release: "1"}}})
	if want := "a 3:1-1\nb 0:1-2"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// What was changed after a machine was made is known on that machine only; what lies in its layers is shared.
func TestSumKey(t *testing.T) {
	t.Parallel()
	one, other := &host.Machine{Machine: &machine.Machine{}}, &host.Machine{Machine: &machine.Machine{}}
	stat := func(inode uint64, size, changed int64) *unix.Stat_t {
		return &unix.Stat_t{Ino: inode, Size: size, Ctim: unix.Timespec{Sec: changed}}
	}
	if sumKey(one, "/a", stat(12, 3, -99999999999)) != sumKey(other, "/a", stat(12, 3, -99999999999)) {
		t.Error("an old file is another one on each machine")
	}
	if sumKey(one, "/a", stat(12, 3, 99999999999)) == sumKey(other, "/a", stat(12, 3, 99999999999)) {
		t.Error("a new file is the same on two machines")
	}
	keys := []string{sumKey(one, "/a", stat(12, 3, 1)), sumKey(one, "/b", stat(12, 3, 1)), sumKey(one, "/a", stat(13, 3, 1)),
		sumKey(one, "/a", stat(12, 4, 1)), sumKey(one, "/a", stat(12, 3, 2)), sumKey(one, "/a", stat(12, 3, -99999999999))}
	slices.Sort(keys)
	if len(slices.Compact(keys)) != 6 {
		t.Error("files that differ share a digest")
	}
}

// Every release of the demo product that is upgraded to can be kept from starting, and what that wrote is taken back.
func TestSpoil(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"4.0.1", "4.1.1", "4.2.0"} {
		script := Spoil(to)
		if !strings.Contains(script, `ExecStartPre=/bin/sh -c "! grep -q`) || !strings.Contains(Mend, spoilFile) {
			t.Errorf("%s: %s", to, script)
		}
	}
}
