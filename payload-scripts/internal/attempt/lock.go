package attempt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gofrs/flock"

	"onerpm/payload-scripts/internal/layout"
)

var (
	// ErrAtWork says that another engine has the lock.
	ErrAtWork = errors.New("another engine is at work")
	// ErrAtItsEnd says that the engine of an attempt that has ended has it still.
	ErrAtItsEnd = errors.New("the engine of the upgrade before is still at its end; start again in a moment")
)

// Lock makes this process the engine that works on the host's attempt. It does not wait for another one. The lock
// ends with the process, or when release is called. The error is ErrAtWork when another engine has it.
func Lock(p layout.Places) (release func(), err error) {
	engine := flock.New(p.Lock())
	ok, err := engine.TryLock()
	switch {
	case err != nil:
		return nil, cannotLock(p, err)
	case !ok:
		return nil, ErrAtWork
	}
	return func() { _ = engine.Unlock() }, nil
}

// engineLeaves is how long an engine may take from the word that ends every wait to its own end.
const engineLeaves = time.Minute

// AwaitEngine waits until the engine of an attempt that has ended is gone: it still removes its unit, and would
// remove that of the next attempt. The error is ErrAtItsEnd when it is not gone in time, or before ctx ends.
func AwaitEngine(ctx context.Context, p layout.Places) error {
	engine := flock.New(p.Lock())
	ctx, cancel := context.WithTimeout(ctx, engineLeaves)
	defer cancel()
	_, err := engine.TryLockContext(ctx, engineLeaves/1000)
	switch {
	case err != nil && errors.Is(err, ctx.Err()):
		return ErrAtItsEnd
	case err != nil:
		return cannotLock(p, err)
	}
	return engine.Unlock()
}

func cannotLock(p layout.Places, err error) error {
	return fmt.Errorf("lock %s, so that only one engine works on this host: %w; see that root can write this file, then run `%s start`", p.Lock(), err, p.Prefix)
}
