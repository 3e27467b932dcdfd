package attempt

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/payload-scripts/internal/layout"
)

// TestLock: one engine at a time, and who waits is told that there is another one.
func TestLock(t *testing.T) {
	t.Parallel()
	p := layout.Places{Prefix: "p", Root: t.TempDir()}
	if err := os.MkdirAll(filepath.Dir(p.Lock()), 0o700); err != nil {
		t.Fatal(err)
	}
	release, err := Lock(p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(p); !errors.Is(err, ErrAtWork) {
		t.Errorf("a second engine: %v", err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	soon, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	for name, ctx := range map[string]context.Context{"stopped": stopped, "over": soon} {
		if err := AwaitEngine(ctx, p); !errors.Is(err, ErrAtItsEnd) {
			t.Errorf("a wait that is %s: %v", name, err)
		}
	}
	time.AfterFunc(50*time.Millisecond, release)
	if err := AwaitEngine(t.Context(), p); err != nil {
		t.Errorf("the engine has gone: %v", err)
	}
	if release, err = Lock(p); err != nil {
		t.Fatalf("after the wait: %v", err)
	}
	release()
}

// TestLockThatCannotBeTaken: nobody looks for another engine when it is the file that cannot be locked.
func TestLockThatCannotBeTaken(t *testing.T) {
	t.Parallel()
	for want, prepare := range map[string]func(path string) error{
		"is a directory":  func(path string) error { return os.MkdirAll(path, 0o700) },
		"not a directory": func(path string) error { return os.WriteFile(filepath.Dir(path), nil, 0o600) },
		"no such file":    func(string) error { return nil },
	} {
		p := layout.Places{Prefix: "p", Root: t.TempDir()}
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Dir(p.Lock())), 0o700), prepare(p.Lock())); err != nil {
			t.Fatal(err)
		}
		_, err := Lock(p)
		for name, err := range map[string]error{"Lock": err, "AwaitEngine": AwaitEngine(t.Context(), p)} {
			if err == nil || errors.Is(err, ErrAtWork) || errors.Is(err, ErrAtItsEnd) {
				t.Errorf("%s: %v; want that it %s", name, err, want)
				continue
			}
			for _, part := range []string{p.Lock(), want, "run `p start`"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%s: it is not said %q: %v", name, part, err)
				}
			}
		}
	}
}
