package rehearsal

import (
	"context"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/mapping"
	"onerpm/payload-scripts/internal/source"
	"onerpm/payload-scripts/internal/store"
	"onerpm/payload-scripts/internal/storecheck"
	"onerpm/payload-scripts/internal/storehost"
)

// Store is how the copy of a store went, into the scratch database.
type Store struct {
	Name      string            `json:"name"`
	Documents int64             `json:"documents"`
	Rows      int64             `json:"rows"`
	First     manifest.Duration `json:"first"`  // the first copy, while the product serves
	Second    manifest.Duration `json:"second"` // what was written meanwhile, in the window
	Left      []string          `json:"left"`   // documents without a place, and characters that were replaced, by reason
}

// storeCopies are the stores that are copied into one database.
type storeCopies struct {
	*run
	list   []*store.Store
	failed error // of fill or empty
}

// stores prepares copies of the stores that go into a database.
func (u *run) stores(ctx context.Context, to manifest.Database, db *database.DB) (*storeCopies, error) {
	c := &storeCopies{run: u}
	for _, spec := range u.bundle.Manifest.Stores {
		if spec.To != to.Name {
			continue
		}
		at, err := storehost.Read(spec)
		if err != nil {
			c.close()
			return nil, err
		}
		s := &store.Store{Source: source.New(spec, at.Host, at.Port), DB: db, Options: mapping.Options{Values: at.Values}, Attempt: "rehearsal", Live: true}
		c.list = append(c.list, s)
		look, err := s.Look(ctx)
		if err == nil {
			err = u.requireSpace(storecheck.MaxDiskSpace(look)+writeAhead, "a copy of the store "+spec.Name)
		}
		if err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

func (c *storeCopies) close() {
	for _, s := range c.list {
		s.Close()
	}
}

// fill makes both readings of each store. The product writes on, so nothing is proved.
func (c *storeCopies) fill(ctx context.Context) (err error) {
	defer func() { c.failed = err }()
	for _, s := range c.list {
		name := s.Spec.Name
		c.tell("copy the store " + name)
		began := time.Now()
		if _, err := s.Copy(ctx); err != nil {
			return err
		}
		first := time.Since(began)
		c.before(first)
		c.tell("bring the copy of the store " + name + " up to date")
		began = time.Now()
		if err := s.Converge(ctx, manifest.New); err != nil {
			return err
		}
		second := time.Since(began)
		r, err := s.Record(ctx)
		if err != nil {
			return err
		}
		told := Store{Name: name, First: manifest.Duration(first), Second: manifest.Duration(second), Left: r.Reasons()}
		for _, t := range r.Tables {
			told.Rows += t.Rows
		}
		for _, n := range r.Proof.Counts {
			told.Documents += n
		}
		c.report.Stores = append(c.report.Stores, told)
		c.part("store "+name+", what was written meanwhile", second, Measured)
	}
	return nil
}

// empty takes the rows away again.
func (c *storeCopies) empty(ctx context.Context) (err error) {
	defer func() { c.failed = err }()
	for _, s := range c.list {
		if err := s.Converge(ctx, manifest.Old); err != nil {
			return err
		}
	}
	return nil
}
