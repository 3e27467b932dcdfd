package repo

import (
	"bytes"
	"strings"
	"testing"

	"onerpm/bundler/internal/certify"
	"onerpm/bundler/internal/release"
)

// sampleDetails are of a bundle of sample, and use everything.
func sampleDetails() *Details {
	b := sample().Bundles[0]
	return &Details{
		Version: Version, NEVRA: b.NEVRA, SHA256: b.SHA256, Key: strings.Repeat("A", 40), Built: "2020-06-01T00:00:00Z", Notes: "# New\n\n- <b>",
		Companions: []File{{"cdx.json", b.File + ".cdx.json", 3, sum("d")}, {"sha256", b.File + ".sha256", 3, sum("e")}},
		Changes: Changes{
			Packages: []PackageChange{{"a", "1-1", "1-1", Changed}, {"b", "", "1-1", Added}, {"c", "1-1", "", Dropped}, {"d", "1-1", "1-1", Kept}},
			Services: []string{"nginx"}, Config: []string{"/etc/a <b>"}, Migrations: []string{"demo/1_expand_one.sql"}, Agents: true, Stores: []string{"storage: 2 tables"}, Accept: []string{"roles: one goes"},
		},
		Certificates: []Certificate{{"el7.x86_64", "packages/x/c.json", sum("c"), 1.5, "2026-01-01T00:00:00Z", certify.Clients{Requests: 7, Failed: 3, Cut: 2, Longest: 1.5, Writes: 4}, true,
			[]release.LeftOut{{Part: "files", Name: "/opt/a", Why: "it is a cache"}}}},
	}
}

func TestDetailsRoundTrip(t *testing.T) {
	t.Parallel()
	bare := &Details{Version: Version, NEVRA: "d-1-1-1.noarch", SHA256: sum("1"), Key: strings.Repeat("A", 40), Built: "2020-06-01T00:00:00Z"}
	for _, d := range []*Details{sampleDetails(), bare} {
		b, id, err := d.encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeDetails(b)
		if err != nil {
			t.Fatal(err)
		}
		again, id2, err := got.encode()
		if err != nil || !bytes.Equal(again, b) || id != id2 || id != digest(b) {
			t.Errorf("it came back as %s (%v)", again, err)
		}
		if bytes.Contains(b, []byte("null")) || bytes.Contains(b, []byte(`\u003c`)) {
			t.Errorf("written: %s", b)
		}
	}
}

func TestDetailsRefuse(t *testing.T) {
	t.Parallel()
	good, _, err := sampleDetails().encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ old, new, want string }{
		{`"version":2,`, `"version":3,`, "its version is 3"},
		{`"version":2,`, `"version":2,"x":1,`, "unknown field"},
		{`"nevra":"demo`, `"nevra":"/demo`, "nevra is"},
		{`"sha256":"1`, `"sha256":"X`, "sha256 is"},
		{`"built":"2020-06-01T00:00:00Z"`, `"built":"June"`, "built is"},
		{`"how":"added"`, `"how":"changed"`, "package"},
		{`"key":"AA`, `"key":"aA`, "key is"},
		{`"file":"packages/x/c.json"`, `"file":"packages/../c.json"`, "certificate"},
		{`"notes":"# New`, `"notes":"\u001b New`, "notes: line 1 has the control character"},
		{`"writes":4`, `"writes":-4`, "certificate"},
		{`"window":1.5`, `"window":-1.5`, "certificate"},
		{`"cut":2`, `"cut":4`, "clients 7 requests"},
		{`"name":"sha256"`, `"name":"cdx.json"`, "companion"},
		{`.cdx.json",`, `.other.json",`, "file is"},
		{`"nginx"`, `"a\nb"`, "a service"},
		{`"key"`, `  "key"`, "canonical"},
	} {
		b := bytes.Replace(good, []byte(tt.old), []byte(tt.new), 1)
		if bytes.Equal(b, good) {
			t.Fatalf("%s is not in it", tt.old)
		}
		if _, err := decodeDetails(b); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.new, err, tt.want)
		}
	}
	large := sampleDetails()
	for range MaxDetails / maxText {
		large.Changes.Config = append(large.Changes.Config, strings.Repeat("x", maxText))
	}
	if _, _, err := large.encode(); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("too large: %v", err)
	}
}

// What is read is written in the very same bytes.
func FuzzDetails(f *testing.F) {
	b, _, err := sampleDetails().encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := decodeDetails(b)
		if err != nil {
			return
		}
		if again, _, err := d.encode(); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%q became %q (%v)", b, again, err)
		}
	})
}
