package view

import (
	"strings"
	"testing"
	"time"
)

// TestParagraph breaks lines between words, keeps what is to be copied whole, and lets further lines stand below the first.
func TestParagraph(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		label, text string
		more, width int
		want        string
	}{
		{"", "one two", 0, 0, "one two"},
		{"a: ", "one two three four five six seven eight", 0, 30, "a: one two three four five six|   seven eight"},
		{"", "one two three four five six seven eight", 2, 30, "one two three four five six|  seven eight"},
		{"a: ", "one\ntwo\n  three\n", 0, 0, "a: one|   two|     three"},
		{"a: ", "one\n  two three four five six seven eight", 0, 30, "a: one|     two three four five six|     seven eight"},
		{"", "run `p start --at 02:00` when it suits you best", 0, 24, "run `p start --at 02:00`|when it suits you best"},
		{"", `write "conflict 2.0 /etc/a:b = old" (that is "= old")`, 0, 30, `write|"conflict 2.0 /etc/a:b = old"|(that is "= old")`},
		{"", "it is an \"open quote that ends nowhere at all", 0, 24, "it is an \"open quote|that ends nowhere at all"},
		{"", "what it \"" + strings.Repeat("said ", 25) + "\" is long", 0, 60, "what it \"said said said said said said said said said said|said said said said said said said said said said said said|said said said \" is long"},
		{"", strings.Repeat("x", 70) + " y", 0, 60, strings.Repeat("x", 70) + "|y"},
		{"a long label that leaves no room: ", "one two three four five six", 0, 30, "a long label that leaves no room: one two three four five|                                  six"},
		{"", "a\x1b[2Jb\tc\u009b", 0, 60, "a?[2Jb c?"},
		{"", "a\x1b[2Jb", 0, 0, "a\x1b[2Jb"},
		{"", "", 0, 60, ""},
	} {
		if got := strings.Join(paragraph(c.label, c.text, c.more, c.width), "|"); got != c.want {
			t.Errorf("%q %q, %d columns:\n%s\nwant\n%s", c.label, c.text, c.width, got, c.want)
		}
	}
}

// TestStamp shows the time of this machine, and beside it UTC where it is another.
func TestStamp(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 23, 30, 5, 999, time.UTC)
	for name, c := range map[string]struct {
		zone *time.Location
		want string
	}{
		"UTC":         {time.UTC, "2026-03-01 23:30:05 UTC"},
		"no other":    {time.FixedZone("GMT", 0), "2026-03-01 23:30:05 UTC"},
		"another day": {time.FixedZone("CET", 3600), "2026-03-02 00:30:05 CET (2026-03-01 23:30:05 UTC)"},
		"the same":    {time.FixedZone("EST", -5*3600), "2026-03-01 18:30:05 EST (23:30:05 UTC)"},
	} {
		if got := (Page{Zone: c.zone}).Stamp(at.In(time.FixedZone("x", 7200))); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestAbout(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "0.0s", 1440 * time.Millisecond: "1.4s", 59900 * time.Millisecond: "59s", 61 * time.Second: "1m1s", 3 * time.Hour: "3h0m",
		47*time.Hour + 59*time.Minute: "47h59m", 49 * time.Hour: "2 days",
	} {
		if got := about(d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}
