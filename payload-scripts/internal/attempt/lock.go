package attempt

import (
	"context"
	"errors"
	"time"

	"github.com/gofrs/flock"

	"onerpm/payload-scripts/internal/layout"
)

// Lock makes this process the engine that works on the host's attempt. It does not wait for another one. The lock
// ends with the process, or when release is called.
func Lock(p layout.Places) (release func(), err error) {
	engine := flock.New(p.Lock())
	if ok, err := engine.TryLock(); err != nil || !ok {
		return nil, errors.New("another engine is at work")
	}
	return func() { _ = engine.Unlock() }, nil
}

// engineLeaves is how long an engine may take from the word that ends every wait to its own end.
const engineLeaves = time.Minute

// AwaitEngine waits until the engine of an attempt that has ended is gone: it still removes its unit, and would
// remove that of the next attempt.
func AwaitEngine(ctx context.Context, p layout.Places) error {
	engine := flock.New(p.Lock())
	ctx, cancel := context.WithTimeout(ctx, engineLeaves)
	defer cancel()
	if ok, err := engine.TryLockContext(ctx, engineLeaves/1000); err != nil || !ok {
		return errors.New("the engine of the upgrade before is still at its end; start again in a moment")
	}
	return engine.Unlock()
}
