package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"onerpm/test/host/disk"
)

// layerLimit bounds the making of one layer; half a minute is usual.
const layerLimit = 10 * time.Minute

// below says what a machine with o lies on, and the kind of layer that is between.
func (o Options) below() (Options, string) {
	if o.Data {
		return Options{Platform: o.Platform, Release: o.Release}, "data"
	}
	return Options{Platform: o.Platform}, "release"
}

// lowerLayers returns the cached layers of a machine, uppermost first. What lacks is made.
func lowerLayers(ctx context.Context, o Options) ([]*entry, error) {
	on, err := platformOf(o.Platform)
	if err != nil {
		return nil, err
	}
	if o.Release == "" {
		top, err := base(ctx, on)
		if err != nil {
			return nil, err
		}
		bottom, err := debian(ctx, on)
		if err != nil {
			top.release()
			return nil, err
		}
		return []*entry{top, bottom}, nil
	}
	p, err := loadProduct(ctx, o.Release)
	if err != nil {
		return nil, err
	}
	if err := on.carries(p); err != nil {
		return nil, err
	}
	key, err := p.key(on)
	if err != nil {
		return nil, err
	}
	below, kind := o.below()
	e, err := cached(ctx, kind, key, func(ctx context.Context, path string) error {
		return makeLayer(ctx, below, path, func(ctx context.Context, m *Machine) error {
			if kind == "data" {
				return p.fill(ctx, m)
			}
			return p.install(ctx, m)
		})
	})
	if err != nil {
		return nil, err
	}
	rest, err := lowerLayers(ctx, below)
	if err == nil {
		err = prune(kind, keepLayers)
	}
	if err != nil {
		e.release()
		return nil, err
	}
	return append([]*entry{e}, rest...), nil
}

// makeLayer boots a machine, lets steps change it, shuts it down cleanly and keeps what changed
// as the folder path.
func makeLayer(ctx context.Context, below Options, path string, steps func(context.Context, *Machine) error) error {
	lower, err := lowerLayers(ctx, below) // their making has limits of its own
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, layerLimit)
	defer cancel()
	return keepChanges(ctx, lower, path, func(ctx context.Context, m *Machine) error {
		if err := m.Start(ctx); err != nil {
			return err
		}
		if err := steps(ctx, m); err != nil {
			return fmt.Errorf("%w\n%s", err, m.JournalTail(40))
		}
		return m.Poweroff(ctx)
	})
}

// keepChanges makes a machine that is off, lets steps change it, and keeps what changed
// as the folder path. The machine must be off again after steps.
func keepChanges(ctx context.Context, lower []*entry, path string, steps func(context.Context, *Machine) error) (err error) {
	m, err := newMachine(ctx, lower, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Stop()) }()
	if err := steps(ctx, m); err != nil {
		return err
	}
	if err := disk.Unmount(m.merged()); err != nil {
		return err
	}
	journals, err := filepath.Glob(filepath.Join(m.upper(), "var/log/journal/*"))
	if err != nil {
		return fmt.Errorf("list the journals: %w", err)
	}
	for _, journal := range journals { // a machine's journal starts with its own first boot
		if err := os.RemoveAll(journal); err != nil {
			return fmt.Errorf("remove the journal: %w", err)
		}
	}
	if err := os.Rename(m.upper(), path); err != nil {
		return fmt.Errorf("keep the layer: %w", err)
	}
	return nil
}
