package attempt_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/layout"
)

// The longest names that a bundle may have give a name of database sessions that
// PostgreSQL does not cut: manifest.MaxNames counts with the form of an attempt's ID.
func TestSessionNameIsNotCut(t *testing.T) {
	t.Parallel()
	const postgres = 63 // NAMEDATALEN-1
	for _, m := range []*manifest.Manifest{
		{Prefix: "cloudy-upgrade", To: "2.0", Revision: 1},
		{Prefix: strings.Repeat("p", 20), To: "10.20.3", Revision: 1234},
		{Prefix: "p", To: strings.Repeat("9", 29), Revision: 1},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "manifest.json"), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		m.From = "1.0"
		b := &layout.Bundle{Dir: dir, Manifest: m, Root: t.TempDir()}
		a, err := attempt.Create(b, time.Date(2026, 12, 31, 23, 59, 59, 999e6, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		name := m.Prefix + " " + a.ID + " 12345678" // as package database makes it
		if room := manifest.MaxNames - m.Names(); len(name)+room > postgres {
			t.Errorf("%q has %d characters and %d are allowed more: PostgreSQL cuts it at %d", name, len(name), room, postgres)
		}
	}
}
