package repo

import (
	"bytes"
	"strings"
	"testing"
)

func TestPointer(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"https://example.org/x/stable/g/" + sum("a") + "/\n":          true,
		"file:///x/stable/g/" + sum("a") + "/\n":                      true,
		"https://example.org/x/testing/g/" + sum("a") + "/\n":         false,
		"https://example.org/x/stable/g/" + sum("a") + "/":            false,
		"https://example.org/x/stable/g/" + sum("a")[1:] + "/\n":      false,
		"https://example.org/x/stable/g/../" + sum("a") + "/\n":       false,
		"https://example.org/x/stable/g/" + sum("a") + "/\nsomething": false,
		"": false, "\n": false, "/\n": false,
	} {
		if id, err := parsePointer(Stable, []byte(text)); (err == nil) != ok || ok && id != sum("a") {
			t.Errorf("%q: %q, %v", text, id, err)
		}
	}
}

func sampleFront(t testing.TB) []byte {
	t.Helper()
	f := frontOf(map[string]generation{Stable: {id: sum("1"), index: sample().withLists()}}, strings.Repeat("A", 40))
	f.Shorts, f.Files = []Named{{"demo-upgrade-1.1.rpm", sum("2")}}, []Named{{pageName, sum("3")}}
	b, err := canonical(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Settings for customers have a section for each channel, and check both signatures.
func TestSetup(t *testing.T) {
	t.Parallel()
	f, err := decodeFront(sampleFront(t))
	if err != nil {
		t.Fatal(err)
	}
	text := Setup(f)
	for _, want := range []string{"[demo-upgrade]\n", "[demo-upgrade-testing]\n", "gpgcheck=1\nrepo_gpgcheck=1\n", "mirrorlist=https://example.org/demo/stable/mirrorlist\nenabled=1\n",
		"mirrorlist=https://example.org/demo/testing/mirrorlist\nenabled=0\n", "gpgkey=https://example.org/demo/RPM-GPG-KEY-demo-upgrade\n",
		"[demo-upgrade-mirror]\n", "baseurl=https://example.org/demo/\nenabled=0\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

// What is read is written in the very same bytes.
func FuzzFront(f *testing.F) {
	f.Add(sampleFront(f))
	f.Add([]byte(`{"version":1,"channels":{"stable":null}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := decodeFront(b)
		if err != nil {
			return
		}
		if again, err := canonical(x); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%q became %q (%v)", b, again, err)
		}
	})
}
