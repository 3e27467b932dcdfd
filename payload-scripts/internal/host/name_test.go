package host

import (
	"testing"
	"unicode/utf8"
)

func TestName(t *testing.T) {
	t.Parallel()
	for _, n := range []Name{"", "a", "ü%\xff/\n", "%41", "\xc3"} {
		text, err := n.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back Name
		if err := back.UnmarshalText(text); err != nil || back != n {
			t.Errorf("%q: %q %v", n, back, err)
		}
	}
}

// FuzzName: what is written is read back as it was, and what is read is written alike.
func FuzzName(f *testing.F) {
	for _, s := range []string{"", "/opt/a b", "caf\xe9", "100%", "%zz", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, err := Name(s).MarshalText()
		if err != nil || !utf8.Valid(text) {
			t.Fatalf("%q is written as %q: %v", s, text, err)
		}
		var back Name
		if err := back.UnmarshalText(text); err != nil || string(back) != s {
			t.Fatalf("%q is written as %q and read as %q: %v", s, text, back, err)
		}
		_ = back.UnmarshalText([]byte(s))
	})
}
