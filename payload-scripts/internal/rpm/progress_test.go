package rpm

import (
	"fmt"
	"strings"
	"testing"
)

func TestProgress(t *testing.T) {
	t.Parallel()
	// As rpm 4.18 prints it with -v --percent.
	text := "Verifying packages...\n%% 0.000000\n%% 100.000000\nPreparing packages...\n%% 50.000000\n" +
		"rest-4.2.0-1.noarch\n%% 0.000000\n%% 98.264084\n%% 100.000000\ninflux-4.2.0-1.noarch\n%% 7.5\n"
	var got []string
	p := progressParser{report: func(p Progress) { got = append(got, fmt.Sprintf("%s %.0f", p.Package, p.Percent)) }}
	for _, r := range text { // as small pieces
		if _, err := p.Write([]byte(string(r))); err != nil {
			t.Fatal(err)
		}
	}
	want := "rest-4.2.0-1.noarch 0, rest-4.2.0-1.noarch 0, rest-4.2.0-1.noarch 98, rest-4.2.0-1.noarch 100, influx-4.2.0-1.noarch 0, influx-4.2.0-1.noarch 8"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

func FuzzProgress(f *testing.F) {
	f.Add([]byte("a-1-1.noarch\n%% 12.5\n"))
	f.Add([]byte("%% NaN\n%% -1\n%% 1e999\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p := progressParser{report: func(p Progress) {
			if p.Package == "" || !(p.Percent >= 0 && p.Percent <= 100) {
				t.Errorf("reported %+v", p)
			}
		}}
		if n, err := p.Write(data); n != len(data) || err != nil {
			t.Errorf("wrote %d of %d: %v", n, len(data), err)
		}
		if len(p.line) > maxLine {
			t.Errorf("keeps %d bytes of a line", len(p.line))
		}
	})
}
