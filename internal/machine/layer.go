package machine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"onerpm/internal/machine/disk"
)

// layerLimit bounds the making of one layer: half a minute is usual, and a product may bring much data.
const layerLimit = 30 * time.Minute

// Release is a product at a release, ready to be installed on machines.
type Release interface {
	// Sum is a digest of all that is installed, and of what installs it and puts data in.
	Sum() string
	// Name is the release's, for people.
	Name() string
	// Install makes a machine that is on one of the release. Errors of it and the others have what the machine says of them.
	Install(ctx context.Context, m *Machine) error
	// Fill puts data into a machine of the release.
	Fill(ctx context.Context, m *Machine) error
	// Await waits, for a time that is bounded, until the product of a machine that has just booted serves.
	Await(ctx context.Context, m *Machine) error
}

// layerKey names the layers of a release: another component, another way to install it or another root make other ones.
func (r root) layerKey(release Release) (string, error) {
	below, err := r.baseKey()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(below + release.Sum()))
	return release.Name() + "-" + hex.EncodeToString(sum[:])[:16], nil
}

// below says what a machine with o lies on, and the kind of layer that is between.
func (o Options) below() (Options, string) {
	if o.Data {
		return Options{Platform: o.Platform, System: o.System, Release: o.Release, Tell: o.Tell}, "data"
	}
	return Options{Platform: o.Platform, System: o.System, Tell: o.Tell}, "release"
}

// lowerLayers returns the cached layers of a machine, uppermost first. What lacks is made.
func lowerLayers(ctx context.Context, o Options) ([]*entry, error) {
	r, err := rootOf(o)
	if err != nil {
		return nil, err
	}
	if o.Release == nil {
		top, err := base(ctx, r)
		if err != nil {
			return nil, err
		}
		bottom, err := debian(ctx, r)
		if err != nil {
			top.release()
			return nil, err
		}
		return []*entry{top, bottom}, nil
	}
	key, err := r.layerKey(o.Release)
	if err != nil {
		return nil, err
	}
	below, kind := o.below()
	e, err := r.cached(ctx, kind, key, func(ctx context.Context, path string) error {
		return makeLayer(ctx, below, path, func(ctx context.Context, m *Machine) error {
			if kind == "data" {
				if err := o.Release.Await(ctx, m); err != nil {
					return err
				}
				return o.Release.Fill(ctx, m)
			}
			if err := o.Release.Install(ctx, m); err != nil {
				return err
			}
			return o.Release.Await(ctx, m)
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
			return err
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
