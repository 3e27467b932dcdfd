// Package stores is the stores of one attempt to upgrade: where their documents are, what is
// known of them, and both readings as steps of the line. It promises that what is needed on
// the way back is on disk before anything depends on it: the address of each source, as the old
// release's configuration named it, and the proof of what its documents were.
package stores

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/mapping"
	"onerpm/payload-scripts/internal/source"
	"onerpm/payload-scripts/internal/store"
	"onerpm/payload-scripts/internal/storecheck"
)

// Set is the stores of an attempt.
type Set struct {
	Manifest *manifest.Manifest
	Attempt  string // its name
	Secrets  string // file for what the host's configuration says of the sources; it goes with the backups
	Notes    string // file for what became of them

	// With opens the database that documents are copied into for one piece of work.
	With func(ctx context.Context, spec manifest.Database, work func(*database.DB) error) error
	// Came reports whether the attempt did anything to a database yet.
	Came func(database string) bool
	// Guard runs work that fills a database while others need its disks too.
	Guard func(ctx context.Context, db *database.DB, work func(context.Context) error) error
	// Progress, when set, is called with how far a long piece of work is, in documents.
	Progress func(what string, done, total int64)
}

var errUnknown = errors.New("its source was not recorded")

// Copy makes the first copies, while the old release serves.
func (s *Set) Copy(ctx context.Context) error {
	return s.each(ctx, func(st *store.Store) error {
		return s.Guard(ctx, st.DB, func(ctx context.Context) error {
			_, err := st.Copy(ctx)
			return err
		})
	})
}

// Converge makes the stores those of a side. New notes what became of the documents, and the proof
// of the source before the copy is committed. Old leaves a database alone that the attempt never came
// to, and one that only the new release has: what made that removes it whole.
func (s *Set) Converge(ctx context.Context, side manifest.Side) error {
	if side == manifest.Old {
		return s.toOld(ctx)
	}
	return s.each(ctx, func(st *store.Store) error {
		name := st.Spec.Name
		st.Proved = func(p source.Proof) error {
			return s.note(name, func(n *Note) { *n = Note{Proof: &p} })
		}
		if err := st.Converge(ctx, side); err != nil {
			return err
		}
		r, err := st.Record(ctx)
		if err != nil {
			return err
		}
		return s.note(name, func(n *Note) {
			n.Documents, n.Rows = 0, map[string]int64{}
			for table, made := range r.Tables {
				n.Rows[table] = made.Rows
			}
			for _, count := range r.Proof.Counts {
				n.Documents += count
			}
			n.Left = r.Reasons()
		})
	})
}

func (s *Set) toOld(ctx context.Context) error {
	for _, spec := range s.Manifest.Stores {
		to, err := s.database(spec)
		if err != nil {
			return err
		}
		if to.Only == manifest.New || !s.Came(to.Name) {
			continue
		}
		err = s.With(ctx, to, func(db *database.DB) error {
			st := &store.Store{Source: &source.Source{Spec: spec}, DB: db, Attempt: s.Attempt}
			return st.Converge(ctx, manifest.Old)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Prove demands, on the way back and before anybody may write again, that each source has the
// documents that it had when they were proved. It does so once: what the old release writes from
// then on is its own.
func (s *Set) Prove(ctx context.Context) error {
	known, err := s.notes()
	if err != nil {
		return err
	}
	for _, spec := range s.Manifest.Stores {
		n := known[spec.Name]
		if n.Proof == nil || n.Returned {
			continue
		}
		from, _, err := s.source(spec)
		if err != nil {
			return err
		}
		err = from.RetryLost(ctx, func() error { return from.Prove(ctx, *n.Proof) })
		from.Close()
		if errors.Is(err, source.ErrOthers) {
			return fmt.Errorf("store %s: %w; the upgrade only reads it: find out who wrote, and whether anything is lost; when it is right as it is, remove %s and go on", spec.Name, err, s.Notes)
		}
		if err != nil {
			return fmt.Errorf("store %s: %w", spec.Name, err)
		}
		if err := s.note(spec.Name, func(n *Note) { n.Returned = true }); err != nil {
			return err
		}
	}
	return nil
}

// Forget drops what the copies left in the databases, after the commit.
func (s *Set) Forget(ctx context.Context) error {
	return s.each(ctx, func(st *store.Store) error { return st.Forget(ctx) })
}

// countPause is how many times longer than a count of documents, which reads them, the pause before the next one is.
const countPause = 4

// Counter counts the documents of a store that are not final, again and again: its waiting leaves the
// source most of its time.
func (s *Set) Counter(name string) func(context.Context) (int64, error) {
	var last time.Duration
	return func(ctx context.Context) (int64, error) {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(countPause * last):
		}
		began := time.Now()
		n, err := s.pending(ctx, name)
		last = time.Since(began)
		return n, err
	}
}

func (s *Set) pending(ctx context.Context, name string) (int64, error) {
	i := slices.IndexFunc(s.Manifest.Stores, func(o manifest.Store) bool { return o.Name == name })
	if i < 0 {
		return 0, fmt.Errorf("the manifest names no store %q", name)
	}
	from, options, err := s.source(s.Manifest.Stores[i])
	if err != nil {
		return 0, err
	}
	defer from.Close()
	_, n, err := storecheck.Pending(ctx, from, options)
	return n, err
}

// each does a piece of work with every store.
func (s *Set) each(ctx context.Context, work func(*store.Store) error) error {
	for _, spec := range s.Manifest.Stores {
		to, err := s.database(spec)
		if err != nil {
			return err
		}
		from, options, err := s.source(spec)
		if err != nil {
			return err
		}
		err = s.With(ctx, to, func(db *database.DB) error {
			return work(&store.Store{Source: from, DB: db, Options: options, Attempt: s.Attempt, Progress: s.Progress})
		})
		from.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Set) database(spec manifest.Store) (manifest.Database, error) {
	for _, d := range s.Manifest.Databases {
		if d.Name == spec.To {
			return d, nil
		}
	}
	return manifest.Database{}, fmt.Errorf("store %s: the manifest names no database %q", spec.Name, spec.To)
}

// source is where the documents of a store are, as it was recorded.
func (s *Set) source(spec manifest.Store) (*source.Source, mapping.Options, error) {
	known, err := s.recorded()
	if err != nil {
		return nil, mapping.Options{}, err
	}
	at, is := known[spec.Name]
	if !is {
		return nil, mapping.Options{}, fmt.Errorf("store %s: %w", spec.Name, errUnknown)
	}
	return source.New(spec, at.Host, at.Port), mapping.Options{Values: at.Values}, nil
}
