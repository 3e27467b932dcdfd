package main

import (
	"testing"
	"time"
)

// A release is dated in CHANGELOG.md. One that is not there, or has no date, is an error and no other date.
func TestDate(t *testing.T) {
	t.Parallel()
	const changes = "# Changelog\n\n## Unreleased\n\n## 1.10.0 - 2026-12-24\n\n## 1.1.0 - 2026-02-30\n\n## 1.0.0\n"
	day := time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		version, epoch string
		want           time.Time // zero for an error
	}{
		{"1.10.0", "", day},
		{"1.10.0+unreleased", "", day},
		{"1.10.0+unreleased", "86400", time.Unix(86400, 0)},
		{"1.10.0", "yesterday", time.Time{}},
		{"1.10.0", "-1", time.Time{}},
		{"0.0.0+unreleased", "", time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"1.1", "", time.Time{}},   // the beginning of another
		{"1.1.0", "", time.Time{}}, // no such day
		{"1.0.0", "", time.Time{}}, // no date
		{"2.0.0", "", time.Time{}}, // no heading
	} {
		got, err := date(changes, tt.version, tt.epoch)
		if !got.Equal(tt.want) || (err != nil) != tt.want.IsZero() {
			t.Errorf("%s, %q: %s, %v", tt.version, tt.epoch, got, err)
		}
	}
}

func TestCheckVersion(t *testing.T) {
	t.Parallel()
	for version, good := range map[string]bool{"1.0.0": true, "0.0.0+unreleased": true, "2.0~rc1": true, "": false, "v1.0": false, "1.0-1": false, "1.0\n": false, "1 0": false, "../1": false} {
		if err := checkVersion(version); (err == nil) != good {
			t.Errorf("%q: %v", version, err)
		}
	}
}
