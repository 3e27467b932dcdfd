package certify

import (
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	m := &manifest.Manifest{Limits: manifest.Limits{Window: manifest.Duration(3 * time.Second)}}
	for _, c := range []struct {
		name  string
		spec  Limits
		back  bool
		took  time.Duration
		gap   float64
		fault string // "" for none
	}{
		{name: "far enough from the limit", took: 2500 * time.Millisecond, gap: 2.5},
		{name: "nearer than it varies", took: 2600 * time.Millisecond, fault: "the window took too long: the product was out of service for 2.6s, the limit is 3s, and from run to run it varies by 500ms"},
		{name: "a gap nearer than it varies", gap: 2.6, fault: "clients were without an answer for 2.6 s, the limit is 3s, and from"},
		{name: "at the limit", took: 3 * time.Second, fault: "out of service for 3s, the limit is 3s"},
		{name: "the window", took: 3100 * time.Millisecond, fault: "the window took too long: the product was out of service for 3.1s, the limit is 3s"},
		{name: "the way back has the window's limit", back: true, took: 3100 * time.Millisecond, fault: "the way back took too long"},
		{name: "a way back with a limit of its own", spec: Limits{Back: 9 * time.Second}, back: true, took: 8 * time.Second},
		{name: "and above it", spec: Limits{Back: time.Second}, back: true, took: 2 * time.Second, fault: "out of service for 2s, the limit is 1s"},
		{name: "a gap", gap: 3.25, fault: "clients were without an answer for 3.2 s, the limit is 3s"},
		{name: "a gap with a limit of its own", spec: Limits{Gap: time.Second}, gap: 1.5, fault: "1.5 s, the limit is 1s"},
	} {
		l := Options{Manifest: m, Limits: c.spec}.limits()
		f := append(l.upgrade(report{Window: manifest.Duration(c.took)}, c.back), l.load(&Load{Gap: c.gap})...)
		if c.fault == "" && len(f) > 0 || c.fault != "" && (len(f) != 1 || !strings.Contains(f[0], c.fault)) {
			t.Errorf("%s: %q, want %q", c.name, f, c.fault)
		}
	}
	if f := (Limits{}).load(nil); len(f) > 0 {
		t.Errorf("without clients: %q", f)
	}
}
