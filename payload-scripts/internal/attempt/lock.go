package attempt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gofrs/flock"

	"onerpm/payload-scripts/internal/advice"
	"onerpm/payload-scripts/internal/layout"
)

var (
	// ErrAtWork says that another engine has the lock.
	ErrAtWork = errors.New("another engine is at work")
	// ErrAtItsEnd says that the engine of an attempt that has ended has it still.
	ErrAtItsEnd = advice.With(errors.New("the engine of the upgrade before is still at its end"), "start again in a moment")
	// ErrStarting says that another start or clean has the lock.
	ErrStarting = errors.New("another start, or a clean, is under way")
	// ErrOnAgents says that another process works on the agents.
	ErrOnAgents = errors.New("another process works on the agents")
)

// Lock makes this process the engine that works on the host's attempt. It does not wait for another one. The lock
// ends with the process, or when release is called. The error is ErrAtWork when another engine has it.
func Lock(p layout.Places) (release func(), err error) {
	return lock(p.Lock(), p, ErrAtWork)
}

// LockStart makes this process the one that starts upgrades or cleans, as Lock does. The error is ErrStarting when there is another one.
func LockStart(p layout.Places) (release func(), err error) {
	return lock(p.StartLock(), p, ErrStarting)
}

func lock(path string, p layout.Places, other error) (release func(), err error) {
	file := flock.New(path)
	ok, err := file.TryLock()
	switch {
	case err != nil:
		return nil, cannotLock(path, p, err)
	case !ok:
		return nil, other
	}
	return func() { _ = file.Unlock() }, nil
}

// agentsPatience is how long who works on the agents waits for the process that starts it to let the lock go.
const agentsPatience = 10 * time.Second

// LockAgents makes this process the one that works on the agents. The error is ErrOnAgents when there is another one.
func LockAgents(ctx context.Context, p layout.Places) (release func(), err error) {
	file := flock.New(p.AgentsLock())
	ctx, cancel := context.WithTimeout(ctx, agentsPatience)
	defer cancel()
	_, err = file.TryLockContext(ctx, agentsPatience/100)
	switch {
	case err != nil && errors.Is(err, ctx.Err()):
		return nil, ErrOnAgents
	case err != nil:
		return nil, cannotLock(p.AgentsLock(), p, err)
	}
	return func() { _ = file.Unlock() }, nil
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
		return cannotLock(p.Lock(), p, err)
	}
	return engine.Unlock()
}

func cannotLock(path string, p layout.Places, err error) error {
	return advice.With(fmt.Errorf("lock %s, so that only one process does its work on this host: %w", path, err), "see that root can write this file, then run `%s start`", p.Prefix)
}
