package repo

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
)

func sum(c string) string { return strings.Repeat(c, 64) }

// sample is an Index that uses everything.
func sample() *Index {
	bundle := func(revision, c string) Bundle {
		nevra := "demo-upgrade-1.1-1.1-" + revision + ".x86_64"
		return Bundle{
			NEVRA: nevra, From: "1.0", To: "1.1", Short: "demo-upgrade-1.1.rpm", Revision: int(revision[0] - '0'),
			File: packageName(sum(c), nevra), Size: 10, SHA256: sum(c), Published: "2026-01-01T00:00:00Z", Details: sum("d"),
			Override: &Override{"it is <urgent>", "somebody", "2026-01-01T00:00:00Z"},
		}
	}
	return &Index{
		Version: Version, Product: "Demo", Prefix: "demo-upgrade", Channel: Stable, Base: "https://example.org/demo", Created: "2026-01-02T00:00:00Z", Repomd: sum("f"),
		Bundles:    []Bundle{bundle("1", "1"), bundle("2", "2")},
		Withdrawn:  []Withdrawn{{"demo-upgrade-1.1-1.1-3.x86_64", sum("3"), packageName(sum("3"), "demo-upgrade-1.1-1.1-3.x86_64"), "it was wrong", "2026-01-01T00:00:00Z"}},
		Superseded: []Superseded{{sum("9"), "2026-01-01T00:00:00Z"}},
	}
}

func encoded(t testing.TB, x *Index) []byte {
	t.Helper()
	b, _, err := Encode(x)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestIndexRoundTrip(t *testing.T) {
	t.Parallel()
	empty := &Index{Version: Version, Product: "Demo", Prefix: "d", Channel: Testing, Base: "file:///d", Created: "2026-01-02T00:00:00Z", Repomd: sum("f")}
	for _, x := range []*Index{sample(), empty} {
		b, id, err := Encode(x)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		again, id2, err := Encode(got)
		if err != nil || !bytes.Equal(again, b) || id != id2 || id != digest(b) {
			t.Errorf("it came back as %s (%v)", again, err)
		}
		if bytes.Contains(b, []byte("null")) || bytes.Contains(b, []byte(`\u003c`)) {
			t.Errorf("written: %s", b)
		}
	}
	x := sample()
	if x.Bundle("demo-upgrade-1.1-1.1-2.x86_64") != &x.Bundles[1] || x.Bundle("none") != nil {
		t.Error("a bundle is not found by its NEVRA")
	}
	if n := x.Newest(); len(n) != 1 || n[0].Revision != 2 {
		t.Errorf("newest: %v", n)
	}
}

func TestIndexRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ old, new, want string }{
		{`"version":2,`, `"version":1,`, "its version is 1"},
		{`"version":2,`, ``, "no version"},
		{`"version":2,`, `"version":2,"x":1,`, "unknown field"},
		{`"version":2,`, `"version":2,"version":2,`, "canonical"},
		{`"channel":"stable"`, `"channel":"beta"`, "channel"},
		{`"product":"Demo"`, `"product":"a\nb"`, "product"},
		{`"prefix":"demo-upgrade"`, `"prefix":"../x"`, "prefix"},
		{`https://example.org/demo`, `ftp://example.org/demo`, "base"},
		{`https://example.org/demo`, `https://a:b@example.org/demo`, "base"},
		{`https://example.org/demo`, `https://example.org/demo?x`, "base"},
		{`"created":"2026-01-02T00:00:00Z"`, `"created":"2026-01-02T00:00:00+00:00"`, "created"},
		{`"created":"2026-01-02T00:00:00Z"`, `"created":"2026-01-02T00:00:00.5Z"`, "created"},
		{`"repomd":"f`, `"repomd":"F`, "repomd"},
		{`"file":"packages/1`, `"file":"packages/2`, "file is"},
		{`"file":"packages/1`, `"file":"../1`, "file is"},
		{`"size":10,`, `"size":-1,`, "size is -1"},
		{`"revision":1,`, `"revision":7,`, "do not belong together"},
		{`"short":"demo-upgrade-1.1.rpm"`, `"short":"index.html"`, "do not belong together"},
		{`"details":"d`, `"details":"D`, "details is"},
		{`"from":"1.0"`, `"from":"1/0"`, "from is"},
		{`"reason":"it is <urgent>"`, `"reason":""`, "override"},
		{`"reason":"it was wrong"`, `"reason":""`, "reason"},
		{`"nevra":"demo-upgrade-1.1-1.1-3.x86_64"`, `"nevra":"demo-upgrade-1.1-1.1-2.x86_64"`, "withdrawn and there"},
		{`"product"`, `  "product"`, "canonical"},
	} {
		b := bytes.Replace(encoded(t, sample()), []byte(tt.old), []byte(tt.new), 1)
		if bytes.Equal(b, encoded(t, sample())) {
			t.Fatalf("%s is not in it", tt.old)
		}
		if _, err := Decode(bytes.NewReader(b)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.new, err, tt.want)
		}
	}
	twice := sample()
	twice.Bundles = append(twice.Bundles, twice.Bundles[1])
	if _, _, err := Encode(twice); err == nil {
		t.Error("a bundle twice is written")
	}
	if _, err := Decode(bytes.NewReader(append(encoded(t, sample()), 'x'))); err == nil {
		t.Error("something behind the end is read")
	}
	if _, err := Decode(strings.NewReader(strings.Repeat(" ", MaxIndex+1))); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("too large: %v", err)
	}
	broken := errors.New("cut")
	if _, err := Decode(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("cut: %v", err)
	}
}

// What is read is written in the very same bytes.
func FuzzDecode(f *testing.F) {
	f.Add(encoded(f, sample()))
	f.Add(encoded(f, &Index{Version: Version, Product: "D", Prefix: "d", Channel: Testing, Base: "file:///d", Created: "2026-01-02T00:00:00Z", Repomd: sum("f")}))
	f.Add([]byte(`{"version":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := Decode(bytes.NewReader(b))
		if err != nil {
			return
		}
		if again, _, err := Encode(x); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%q became %q (%v)", b, again, err)
		}
	})
}
