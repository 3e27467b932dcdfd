package diff

import (
	"testing"

	"onerpm/internal/manifest"
)

func TestValues(t *testing.T) {
	t.Parallel()
	for v, want := range map[*manifest.Value]string{{Random: 3}: "3 random characters", {Copy: "a.b"}: "the host's a.b", {Literal: "x"}: "x", {Literal: int64(4)}: "4", {Literal: true}: "true"} {
		if got := valueText(*v); got != want {
			t.Errorf("%+v: got %q, want %q", v, got, want)
		}
	}
}
