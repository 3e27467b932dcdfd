package nevra_test

import (
	"encoding/json"
	"strings"
	"testing"

	"onerpm/internal/nevra"
)

func TestForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		id                             nevra.ID
		evr, short, nvr, nevra, fileIs string
	}{
		{nevra.ID{Name: "a", Version: "1", Release: "2", Arch: "noarch"}, "0:1-2", "1-2", "a-1-2", "a-1-2.noarch", "a-1-2.noarch.rpm"},
		{nevra.ID{Name: "b-c", Epoch: 3, Version: "1~rc1", Release: "2.el7", Arch: "x86_64"}, "3:1~rc1-2.el7", "3:1~rc1-2.el7", "b-c-1~rc1-2.el7", "b-c-3:1~rc1-2.el7.x86_64", "b-c-1~rc1-2.el7.x86_64.rpm"},
		{nevra.ID{Name: "d", Epoch: 10, Version: "0", Release: "0", Arch: "noarch"}, "10:0-0", "10:0-0", "d-0-0", "d-10:0-0.noarch", "d-0-0.noarch.rpm"},
	} {
		for _, f := range [][2]string{{c.id.EVR(), c.evr}, {c.id.ShortEVR(), c.short}, {c.id.NVR(), c.nvr}, {c.id.NEVRA(), c.nevra}, {c.id.FileName(), c.fileIs}} {
			if f[0] != f[1] {
				t.Errorf("got %s, want %s", f[0], f[1])
			}
		}
		for _, written := range []string{c.nevra, c.id.Name + "-" + c.evr + "." + c.id.Arch} {
			if got, err := nevra.Parse(written); err != nil || got != c.id {
				t.Errorf("%s is read as %+v: %v", written, got, err)
			}
		}
		for _, written := range []string{c.evr, c.short} {
			if got, err := nevra.ParseEVR(written); err != nil || got != (nevra.ID{Epoch: c.id.Epoch, Version: c.id.Version, Release: c.id.Release}) {
				t.Errorf("%s is read as %+v: %v", written, got, err)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	for _, s := range []string{
		"", "a", "a-1", "a-1-2", "1-2.noarch", "-1-2.noarch", "a--2.noarch", "a-1-.noarch", "a-1-2.", ".a-1-2.noarch", "a b-1-2.noarch",
		"a-x:1-2.noarch", "a-+1:1-2.noarch", "a-99999999999:1-2.noarch", "a-:1-2.noarch", "a-1:2:1-2.noarch", "a-1\n-2.noarch",
		"a/b-1-2.noarch", long + "-1-2.noarch", "a-" + long + "-2.noarch", "a-1-" + long + ".noarch", "a-1-2." + long,
	} {
		if id, err := nevra.Parse(s); err == nil {
			t.Errorf("%q is read as %+v", s, id)
		}
	}
	for _, s := range []string{"", "1", ":1-2", "x:1-2", "1-2-3", "1:-2", "1:1-", "-1", "0:1", " 1-2", "1-2 ", "2147483648:1-1"} {
		if id, err := nevra.ParseEVR(s); err == nil {
			t.Errorf("%q is read as %+v", s, id)
		}
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		older, newer string
	}{
		{"1-1", "2-1"}, {"9-1", "10-1"}, {"2-1", "1:1-1"}, {"1-1", "1-2"}, {"1~rc1-1", "1-1"}, {"1-1", "1^git1-1"},
		{"4.3.0-ga", "17.11.20-community"},
	} {
		a, err := nevra.ParseEVR(c.older)
		if err != nil {
			t.Fatal(err)
		}
		b, err := nevra.ParseEVR(c.newer)
		if err != nil {
			t.Fatal(err)
		}
		if a.Compare(b) != -1 || b.Compare(a) != 1 || a.Compare(a) != 0 {
			t.Errorf("%s and %s: %d, %d", c.older, c.newer, a.Compare(b), b.Compare(a))
		}
	}
}

// TestJSON holds the form that manifests have on customers' disks.
func TestJSON(t *testing.T) {
	t.Parallel()
	type described struct {
		nevra.ID
		Size int `json:"size"`
	}
	want := `{"name":"a","epoch":1,"version":"2","release":"3","arch":"noarch","size":4}`
	data, err := json.Marshal(described{nevra.ID{Name: "a", Epoch: 1, Version: "2", Release: "3", Arch: "noarch"}, 4})
	if err != nil || string(data) != want {
		t.Errorf("%s: %v", data, err)
	}
}

// FuzzParse: what is accepted is written again as it was read, but for an epoch of 0 and leading zeros.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"a-1-2.noarch", "a-b-3:1~rc1^x-2.el7.x86_64", "a-0:1-2.noarch", "-", "a-1-2.\xff", ":-:-.", "a-00:1-1.n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := nevra.Parse(s)
		if err != nil {
			return
		}
		again, err := nevra.Parse(id.NEVRA())
		if err != nil || again != id {
			t.Fatalf("%q: %+v is written %q and read as %+v: %v", s, id, id.NEVRA(), again, err)
		}
		if strings.ContainsAny(id.NEVRA(), "/ \n\t") {
			t.Fatalf("%q passes as %q", s, id.NEVRA())
		}
	})
}
