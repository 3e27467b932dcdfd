package machine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"onerpm/internal/machine/disk"
)

// Limits of the waits for a machine, beside the caller's context.
const (
	bootLimit = 3 * time.Minute // from the start of a boot to systemd having finished it
	stopLimit = 2 * time.Minute // for a clean shutdown
	killLimit = 2 * time.Minute // for killed processes to be gone; one that waits for a disk takes its time
)

// LeastDiskMiB is the smallest disk that a machine may have.
const LeastDiskMiB = 64

// Options say what a machine is to have.
type Options struct {
	// Platform is one of [Platforms]; [Usual] if empty.
	Platform string
	// System is what the product needs of the distribution.
	System System
	// Release is what is installed and serves; nil for a machine without the product.
	Release Release
	// Data puts the product's data in. It needs a Release.
	Data bool
	// DiskMiB, if not 0, puts what the machine writes on an ext4 of its own of
	// that size in MiB. [Machine.PowerCut] needs it; it is also how a disk gets full.
	DiskMiB int
	// Tell is told of layers that have to be made, which takes a while; nil for nobody.
	Tell func(format string, a ...any)
}

func (o Options) validate() error {
	switch {
	case o.Data && o.Release == nil:
		return errors.New("data without a release: say which release's data")
	case o.DiskMiB < 0 || (o.DiskMiB > 0 && o.DiskMiB < LeastDiskMiB):
		return fmt.Errorf("a disk of %d MiB: at least %d are needed", o.DiskMiB, LeastDiskMiB)
	}
	return nil
}

// Machine is one test machine. It is on after [Boot]; [Machine.Poweroff],
// [Machine.Kill] and [Machine.PowerCut] leave it off with its files as they are, and
// [Machine.Start] boots it again. Its methods may be called at the same time, but for those that
// change whether it is on.
type Machine struct {
	id     string     // unique on this machine, for nspawn and cgroups
	dir    string     // its folder under the cache
	lower  []*entry   // uppermost first
	disk   *disk.Disk // nil without DiskMiB
	owner  *flock.Flock
	made   time.Time
	closed bool

	mu    sync.Mutex
	power *power // nil while off
}

// Boot makes a machine and boots it. It returns once systemd says that it is up
// ("running", or "degraded" with a unit that failed) and the product, if one is
// wanted, answers. The caller must [Machine.Stop] it.
func Boot(ctx context.Context, o Options) (*Machine, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	lower, err := lowerLayers(ctx, o)
	if err != nil {
		return nil, err
	}
	m, err := newMachine(ctx, lower, o.DiskMiB)
	if err != nil {
		return nil, err
	}
	if err := m.Start(ctx); err != nil {
		return nil, errors.Join(err, m.Stop())
	}
	if o.Release != nil {
		if err := o.Release.Await(ctx, m); err != nil {
			return nil, errors.Join(err, m.Stop())
		}
	}
	return m, nil
}

// Made returns when the machine was made: what was changed last before then lies in
// its layers, which other machines may share.
func (m *Machine) Made() time.Time { return m.made }

// newMachine makes a machine that is off. It takes the layers over.
func newMachine(ctx context.Context, lower []*entry, diskMiB int) (*Machine, error) {
	m := &Machine{lower: lower, made: time.Now()}
	fail := func(err error) (*Machine, error) { return nil, errors.Join(err, m.Stop()) }
	cache, err := CacheDir()
	if err != nil {
		return fail(err)
	}
	machines := filepath.Join(cache, "machines")
	if err := clearLeftovers(machines); err != nil {
		return fail(err)
	}
	var nonce [4]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return fail(fmt.Errorf("name the machine: %w", err))
	}
	m.id = machinePrefix + hex.EncodeToString(nonce[:])
	if m.owner, err = claim(filepath.Join(machines, m.id)); err != nil {
		return fail(err)
	}
	m.dir = filepath.Join(machines, m.id)
	if diskMiB > 0 {
		if m.disk, err = disk.New(ctx, filepath.Join(m.dir, "disk.img"), filepath.Join(m.dir, diskDir), diskMiB); err != nil {
			return fail(err)
		}
	}
	if err := m.mount(); err != nil {
		return fail(err)
	}
	return m, nil
}

// Start boots a machine that is off and waits until systemd is up. It does not wait for the
// product: after a cut, that is the test's business.
func (m *Machine) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	m.mu.Lock()
	if m.closed || m.power != nil {
		m.mu.Unlock()
		return errors.New("start a test machine that is on already, or stopped for good")
	}
	p, err := m.powerOn()
	m.power = p
	m.mu.Unlock()
	if err != nil {
		return fmt.Errorf("start the test machine: %w", err)
	}
	if err := m.awaitUp(ctx, p); err != nil {
		return fmt.Errorf("boot the test machine: %w\n%s", err, m.JournalTail(40))
	}
	return nil
}

// Reboot shuts the machine down cleanly and boots it again, and waits as
// [Machine.Start] does.
func (m *Machine) Reboot(ctx context.Context) error {
	if err := m.Poweroff(ctx); err != nil {
		return err
	}
	return m.Start(ctx)
}

// AwaitReboot waits until a machine that was told to reboot, from inside, has done so
// and is up again.
func (m *Machine) AwaitReboot(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopLimit+bootLimit)
	defer cancel()
	p := m.current()
	if p == nil {
		return errors.New("await a reboot: the test machine is off")
	}
	if err := p.awaitNext(ctx); err != nil {
		return fmt.Errorf("await a reboot: %w\n%s", err, m.JournalTail(40))
	}
	if err := m.awaitUp(ctx, p); err != nil {
		return fmt.Errorf("boot the test machine: %w\n%s", err, m.JournalTail(40))
	}
	return nil
}

// Poweroff shuts the machine down as its own poweroff does, and waits until it is off.
func (m *Machine) Poweroff(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	p := m.current()
	if p == nil {
		return errors.New("power off a test machine that is off")
	}
	if err := p.signal(sigPoweroff); err != nil {
		return fmt.Errorf("power the test machine off: %w", err)
	}
	if err := p.awaitOff(ctx); err != nil {
		return fmt.Errorf("power the test machine off: %w\n%s", err, m.JournalTail(40))
	}
	return nil
}

// Kill ends every process of the machine at once, without a word to them. What they
// had written stays: for the loss of what was not synced see [Machine.PowerCut].
func (m *Machine) Kill() error {
	p := m.current()
	if p == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), killLimit)
	defer cancel()
	if err := p.kill(ctx, m.id); err != nil {
		return fmt.Errorf("kill the test machine: %w", err)
	}
	return nil
}

// Off is closed when the machine goes off, by whomever. It is nil while the machine is off.
func (m *Machine) Off() <-chan struct{} {
	if p := m.current(); p != nil {
		return p.off
	}
	return nil
}

// Stop ends the machine and removes all that belongs to it. It may be called twice.
func (m *Machine) Stop() error {
	m.mu.Lock()
	done := m.closed
	m.closed = true
	m.mu.Unlock()
	if done {
		return nil
	}
	errs := []error{m.Kill()}
	if m.dir != "" {
		errs = append(errs, removeMachine(m.dir, m.id))
	}
	if m.owner != nil {
		_ = os.Remove(m.owner.Path())
		_ = m.owner.Close()
	}
	for _, e := range m.lower {
		e.release()
	}
	return errors.Join(errs...)
}

// current returns the power that is on, or nil.
func (m *Machine) current() *power {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.power
}
