package advice

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

// hidden is an error that does not tell what it wraps.
type hidden struct{ error }

func (hidden) Error() string { return "something" }

func (h hidden) Unwrap() error { return h.error }

func TestOf(t *testing.T) {
	t.Parallel()
	locked := With(fs.ErrPermission, "run it as %s", "root")
	for name, c := range map[string]struct {
		err           error
		text, why, do string
	}{
		"without":       {errors.New("the disk is full; a; b"), "the disk is full; a; b", "the disk is full; a; b", ""},
		"with":          {locked, "permission denied; run it as root", "permission denied", "run it as root"},
		"wrapped":       {fmt.Errorf("start: %w", locked), "start: permission denied; run it as root", "start: permission denied", "run it as root"},
		"more follows":  {fmt.Errorf("start: %w (twice)", locked), "start: permission denied; run it as root (twice)", "start: permission denied (twice)", "run it as root"},
		"said twice":    {fmt.Errorf("%w: %w", locked, locked), "permission denied; run it as root: permission denied; run it as root", "permission denied; run it as root: permission denied", "run it as root"},
		"left out":      {hidden{locked}, "something", "something", "run it as root"},
		"advised twice": {With(locked, "ask"), "permission denied; run it as root; ask", "permission denied; run it as root", "ask"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			why, do := Of(c.err)
			if c.err.Error() != c.text || why != c.why || do != c.do {
				t.Errorf("%q is %q and %q", c.err, why, do)
			}
		})
	}
	if !errors.Is(locked, fs.ErrPermission) {
		t.Error("the error is hidden")
	}
}
