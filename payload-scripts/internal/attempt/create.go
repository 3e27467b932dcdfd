package attempt

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
)

// Create makes the folders and the journal of a new attempt. What is left of an
// attempt whose creation was cut short has no journal and is removed here.
func Create(b *layout.Bundle, at time.Time) (layout.Attempt, error) {
	p := b.Places()
	for dir, mode := range map[string]os.FileMode{p.Var(): 0o700, p.Run(): 0o700} {
		if err := os.MkdirAll(dir, mode); err != nil {
			return layout.Attempt{}, fmt.Errorf("make the folder of upgrades: %w", err)
		}
	}
	if err := sweep(p); err != nil {
		return layout.Attempt{}, err
	}
	before, err := attempts(p)
	if err != nil {
		return layout.Attempt{}, err
	}
	number := 1
	for _, s := range before {
		if s.Number == math.MaxInt {
			continue
		}
		number = max(number, s.Number+1)
	}
	m := b.Manifest
	a := p.At(fmt.Sprintf("%s-%d-%s", m.To, m.Revision, at.UTC().Format("20060102T150405.000Z")))
	if err := link(a, b); err != nil {
		_ = os.RemoveAll(a.Run)
		return layout.Attempt{}, fmt.Errorf("make the attempt's folder %s: %w", a.Run, err)
	}
	if err := os.MkdirAll(a.Var, 0o700); err != nil {
		return layout.Attempt{}, err
	}
	if err := host.SyncFS(p.Run(), p.Var()); err != nil {
		return layout.Attempt{}, err
	}
	_, err = journal.Create(a.Var, journal.Record{
		ID: a.ID, Number: number, From: m.From, To: m.To, Revision: m.Revision,
		Began: at.UTC().Truncate(time.Millisecond), Phase: journal.Preparing,
	})
	if err != nil {
		return layout.Attempt{}, err
	}
	return a, makeCurrent(p, a)
}

// link gives the attempt its own name for every file of the bundle, or a copy
// where the bundle was unpacked on another file system.
func link(a layout.Attempt, b *layout.Bundle) error {
	files := append([]manifest.File{{Path: "manifest.json"}}, b.Manifest.Files...)
	for _, f := range files {
		src, dst := filepath.Join(b.Dir, f.Path), filepath.Join(a.Run, f.Path)
		if err := os.MkdirAll(filepath.Dir(dst), 0o700); err != nil {
			return err
		}
		err := os.Link(src, dst)
		if errors.Is(err, unix.EXDEV) {
			err = host.CopyFile(src, dst)
		}
		if err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(a.Run, "version"), []byte(b.Manifest.To+"\n"), 0o644)
}

func makeCurrent(p layout.Places, a layout.Attempt) error {
	tmp := filepath.Join(p.Run(), ".current~")
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Symlink(a.ID, tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, p.Current()); err != nil {
		return err
	}
	return host.SyncDir(p.Run())
}

// sweep removes the folders of attempts whose creation or start was cut short.
func sweep(p layout.Places) error {
	entries, err := os.ReadDir(p.Run())
	if err != nil {
		return err
	}
	for _, e := range entries {
		a := p.At(e.Name())
		if !e.IsDir() {
			continue
		}
		if _, err := os.Stat(filepath.Join(a.Var, "journal.json")); !errors.Is(err, os.ErrNotExist) && Started(p, a) {
			continue
		}
		if err := os.RemoveAll(a.Run); err != nil {
			return err
		}
		if err := os.RemoveAll(a.Var); err != nil {
			return err
		}
	}
	return nil
}
