package tree

import (
	"testing"
)

func TestName(t *testing.T) {
	t.Parallel()
	for _, n := range []name{"", "a", "ü%\xff/\n", "%41", "\xc3"} {
		text, err := n.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back name
		if err := back.UnmarshalText(text); err != nil || back != n {
			t.Errorf("%q: %q %v", n, back, err)
		}
	}
}
