// Package store copies what the old release keeps as documents in an Elasticsearch into
// tables of PostgreSQL, as the mapping in the manifest says. Like the other resources of an
// upgrade it can be made old or new.
//
// While the old release serves, Copy makes a first copy. In the window, when nothing writes
// any more, Converge(new) brings it up to date in one transaction, proves it, and commits.
// It promises:
//
//   - the source is only read, so it is what the way back needs;
//   - stopped at any point, either call goes on or begins again when it is called again;
//   - every document has its rows, or is counted with the reason why not, or ends the work;
//   - what is new holds what the source had when its last write was over: the source's
//     counters of writes did not move meanwhile, the documents of every index and type were
//     counted, and the tables have as many rows as were made.
//
// A record of its own in the engine's schema says how far it is, see record.go.
package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/elastic"
	"onerpm/payload-scripts/internal/mapping"
)

// Store is one store of the product in an attempt. It is not safe for concurrent use.
type Store struct {
	Spec    manifest.Store
	From    *elastic.Client
	DB      *database.DB // Inspect works without
	Options mapping.Options
	Live    bool // a rehearsal: the source goes on being written, which proves nothing

	// Progress, when set, is told how far a long piece of work is, in documents.
	Progress func(what string, done, total int64)
}

// How long the database may be away, and the source may not answer.
const (
	servingAbsence = 2 * time.Minute
	windowAbsence  = time.Minute
	returnAbsence  = 10 * time.Minute
	sourceTries    = 3

	servingLimit = 12 * time.Hour // of a statement while the old release serves
	windowLimit  = time.Hour

	usualEarly = 10 * time.Minute // how far a document's time may lie before its writing
)

// Pauses between two pages while the old release serves: as long as the page took, so that
// at most half of the source's time is ours.
const (
	shortestPause = 20 * time.Millisecond
	longestPause  = 2 * time.Second
)

// polite lets the old release be served.
func polite(ctx context.Context, took time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(min(longestPause, max(shortestPause, took))):
		return nil
	}
}

// tables prepares the mapping's tables, in their order.
func (s *Store) tables() ([]*mapping.Table, error) {
	var list []*mapping.Table
	for _, spec := range s.Spec.Tables {
		t, err := mapping.New(spec, s.Options)
		if err != nil {
			return nil, fmt.Errorf("store %s: %w", s.Spec.Name, err)
		}
		list = append(list, t)
	}
	return list, nil
}

// digest names the mapping with all that decides what it makes.
func (s *Store) digest() (string, error) {
	b, err := json.Marshal([]any{s.Spec, s.Options.Values, s.Options.Edits})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

func (s *Store) early() time.Duration { return cmp.Or(s.Spec.Early.D(), usualEarly) }

func (s *Store) tell(what string, done, total int64) {
	if s.Progress != nil {
		s.Progress(what, done, total)
	}
}

// matches tells whether a kind of documents is that of a pattern and type.
func matches(k elastic.Kind, pattern, kind string) bool {
	ok, err := path.Match(pattern, k.Index)
	return err == nil && ok && (kind == "" || kind == k.Type)
}

// StrangeError tells of documents that no table reads and that are not declared to have no place.
type StrangeError struct{ Kinds []elastic.Kind }

func (e *StrangeError) Error() string {
	list := fmt.Sprint(e.Kinds[:min(len(e.Kinds), 10)])
	return fmt.Sprintf("there are documents that the upgrade knows no place for, by index and type: %s; nothing of them may be lost silently", list)
}

// strange lists what nobody reads.
func (s *Store) strange(counts map[elastic.Kind]int64) error {
	var list []elastic.Kind
	for k := range counts {
		known := slices.ContainsFunc(s.Spec.Ignore, func(i manifest.StoreIgnore) bool { return matches(k, i.Index, i.Type) }) ||
			slices.ContainsFunc(s.Spec.Tables, func(t manifest.StoreTable) bool { return matches(k, t.Read.Index, t.Read.Type) })
		if !known {
			list = append(list, k)
		}
	}
	if len(list) == 0 {
		return nil
	}
	slices.SortFunc(list, func(a, b elastic.Kind) int { return cmp.Or(cmp.Compare(a.Index, b.Index), cmp.Compare(a.Type, b.Type)) })
	return &StrangeError{list}
}

// SourceError is a failure of the source, not of the database.
type SourceError struct {
	text    string
	lost    bool
	context error
}

func (e *SourceError) Error() string { return e.text }

// Unwrap returns the context's error when that was the reason. Other causes stay hidden: a
// lost connection to the source looks like one to the database.
func (e *SourceError) Unwrap() error { return e.context }

func ofSource(err error) error {
	if err == nil {
		return nil
	}
	e := &SourceError{text: err.Error(), lost: elastic.Lost(err)}
	for _, c := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, c) {
			e.context = c
		}
	}
	return e
}

// outlast runs work again when the source did not answer to the end. Work must be whole or
// not done when it fails.
func (s *Store) outlast(ctx context.Context, work func() error) error {
	for try := 1; ; try++ {
		err := work()
		var source *SourceError
		if err == nil || ctx.Err() != nil || !errors.As(err, &source) || !source.lost || try == sourceTries {
			return err
		}
		if err := s.From.Ready(ctx); err != nil {
			return ofSource(err)
		}
	}
}
