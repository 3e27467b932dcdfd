package rpmfile_test

import (
	"strings"
	"testing"

	"onerpm/internal/rpmfile"
)

func TestOverlaps(t *testing.T) {
	t.Parallel()
	dep := func(s string) rpmfile.Dep {
		f := strings.Fields(s)
		d := rpmfile.Dep{Name: f[0]}
		if len(f) == 3 {
			d.EVR = f[2]
			for sign, bit := range map[string]rpmfile.DepFlags{"<": rpmfile.DepLess, ">": rpmfile.DepGreater, "=": rpmfile.DepEqual} {
				if strings.Contains(f[1], sign) {
					d.Flags |= bit
				}
			}
		}
		return d
	}
	for _, c := range []struct {
		provide, require string
		want             bool
	}{
		{"a = 1.0-1", "a", true},
		{"a", "a >= 3", true},
		{"a = 1.0-1", "b", false},
		{"a = 1.0-1", "a = 1.0", true},
		{"a = 1.0-1", "a = 1.0-2", false},
		{"a = 1.0-1", "a >= 1.0", true},
		{"a = 1.0-1", "a > 1.0", false},
		{"a = 1.0-1", "a < 1.0", false},
		{"a = 1:1.0-1", "a < 2.0", false},
		{"a = 1:1.0-1", "a >= 2.0", true},
		{"a = 1.0~rc1-1", "a >= 1.0", false},
		{"a >= 2", "a < 1", false},
		{"a >= 2", "a > 5", true},
		{"a <= 2", "a >= 2", true},
		{"a < 2", "a >= 2", false},
	} {
		if got := dep(c.provide).Overlaps(dep(c.require)); got != c.want {
			t.Errorf("%s for %s: %v", c.provide, c.require, got)
		}
		if got := dep(c.require).Overlaps(dep(c.provide)); got != c.want {
			t.Errorf("%s for %s, the other way: %v", c.provide, c.require, got)
		}
		if got := dep(c.provide).String(); got != c.provide {
			t.Errorf("%s prints as %s", c.provide, got)
		}
	}
}
