//go:build crashpoints

package host

import (
	"strings"
	"testing"
)

// A point has one name in every run, and another one than everything else: calls that are made side by
// side and shared a name would swap their numbers.
func TestSteady(t *testing.T) {
	t.Parallel()
	long := "/opt/p/run/4.2.0-1-20260101T000000.000Z/packages/" + strings.Repeat("a", 60)
	for _, c := range []struct {
		one, other string
		same       bool
	}{
		{"/var/lib/p/4.2.0-1-20260101T000000.000Z/journal.json", "/var/lib/p/4.2.0-1-20261231T235959.999Z/journal.json", true},
		{"/run/p-proof-12-3456789/rpmdb", "/run/p-proof-13-9999999/rpmdb", true},
		{"--file=/tmp/schema-3456789/schema.sql", "--file=/tmp/schema-4294967295/schema.sql", true},
		{"events logstash-2026.11.25", "events logstash-2027.01.01", true},
		{"--unit=a.service --quiet --after-cursor=s=" + strings.Repeat("0a", 16) + ";i=1f;b=9;m=2;t=6;x=ff", "--unit=a.service --quiet --after-cursor=s=" + strings.Repeat("b7", 16) + ";i=20;b=9;m=3;t=7;x=0", true},
		{"/etc/a-12.conf", "/etc/a-13.conf", false},
		{"/proc/12/fd/3", "/proc/99/fd/7", true},
		{"-q  a\n b", "-q a b", true},
		{long + "1.rpm", long + "2.rpm", false},
		{long + "1.rpm", strings.ReplaceAll(long, "20260101", "20270101") + "1.rpm", true},
		{"/etc/a.conf", "/etc/b.conf", false},
		{strings.Repeat("é", 60) + "1", strings.Repeat("é", 60) + "2", false},
	} {
		one, other := steady(c.one), steady(c.other)
		if (one == other) != c.same {
			t.Errorf("%q is named %q and %q is named %q: the same name: want %v", c.one, one, c.other, other, c.same)
		}
		if len(one) > 100 || strings.ContainsAny(one, "\t\n") {
			t.Errorf("%q is named %q", c.one, one)
		}
	}
}
