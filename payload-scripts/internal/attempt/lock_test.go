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

// TestLocksOfOthers: who starts, cleans or works on the agents is told of another one, and has the lock when that is gone.
func TestLocksOfOthers(t *testing.T) {
	t.Parallel()
	p := layout.Places{Prefix: "p", Root: t.TempDir()}
	if err := os.MkdirAll(p.Var(), 0o700); err != nil {
		t.Fatal(err)
	}
	release, err := LockStart(p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := LockStart(p); !errors.Is(err, ErrStarting) {
		t.Errorf("a second start: %v", err)
	}
	release()
	if release, err = LockAgents(t.Context(), p); err != nil {
		t.Fatalf("nobody works on the agents: %v", err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := LockAgents(soon, p); !errors.Is(err, ErrOnAgents) {
		t.Errorf("a second one on the agents: %v", err)
	}
	time.AfterFunc(50*time.Millisecond, release)
	if release, err = LockAgents(t.Context(), p); err != nil {
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
		for name, lock := range map[string]struct {
			path func(layout.Places) string
			take func(layout.Places) error
		}{
			"Lock":        {layout.Places.Lock, func(p layout.Places) error { _, err := Lock(p); return err }},
			"AwaitEngine": {layout.Places.Lock, func(p layout.Places) error { return AwaitEngine(t.Context(), p) }},
			"LockStart":   {layout.Places.StartLock, func(p layout.Places) error { _, err := LockStart(p); return err }},
			"LockAgents":  {layout.Places.AgentsLock, func(p layout.Places) error { _, err := LockAgents(t.Context(), p); return err }},
		} {
			p := layout.Places{Prefix: "p", Root: t.TempDir()}
			path := lock.path(p)
			if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Dir(path)), 0o700), prepare(path)); err != nil {
				t.Fatal(err)
			}
			err := lock.take(p)
			if err == nil || errors.Is(err, ErrAtWork) || errors.Is(err, ErrAtItsEnd) || errors.Is(err, ErrStarting) || errors.Is(err, ErrOnAgents) {
				t.Errorf("%s: %v; want that it %s", name, err, want)
				continue
			}
			for _, part := range []string{path, want, "run `p start`"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%s: it is not said %q: %v", name, part, err)
				}
			}
		}
	}
}
