// Package source reads the documents of a store and proves what it read. It promises that
// every document that was there is given on or the reading fails, that nothing is written, and
// that a source which was written to meanwhile is not taken for one that was not.
package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/document"
	"onerpm/payload-scripts/internal/elastic"
)

// Source is where the documents of a store are. It is not safe for concurrent use.
type Source struct {
	Spec manifest.Store
	From *elastic.Client
}

// New returns the source of a store at an address; port 0 is the usual one.
func New(spec manifest.Store, host string, port uint16) *Source {
	return &Source{Spec: spec, From: elastic.New(host, port)}
}

// Close ends the connections to it.
func (s *Source) Close() { s.From.Close() }

// Read reads documents. What each returns comes back as it is; the source's own errors are of type *Error.
func (s *Source) Read(ctx context.Context, q elastic.Query, each func(*document.Document) error) error {
	var own error
	_, err := s.From.Read(ctx, q, func(d *document.Document) error {
		own = each(d)
		return own
	})
	if own != nil {
		return own
	}
	return failed(err)
}

// Ready waits for the source and makes all that was written visible.
func (s *Source) Ready(ctx context.Context) error {
	if err := s.From.Ready(ctx); err != nil {
		return waited(err)
	}
	return failed(s.From.Refresh(ctx))
}

// LimitWait bounds how long the source may take to be ready, until the returned function is called.
func (s *Source) LimitWait(d time.Duration) (restore func()) {
	was := s.From.Patience
	s.From.Patience = d
	return func() { s.From.Patience = was }
}

// Flush makes what was written durable: an Elasticsearch 1.x that is killed forgets the last seconds.
func (s *Source) Flush(ctx context.Context) error { return failed(s.From.Flush(ctx)) }

// Version returns the version of the source's program.
func (s *Source) Version(ctx context.Context) (string, error) {
	v, err := s.From.Version(ctx)
	return v, failed(err)
}

// Pauses between two pages while the old release serves: as long as the page took, so that
// at most half of the source's time is ours.
const (
	shortestPause = 20 * time.Millisecond
	longestPause  = 2 * time.Second
)

// Throttle makes readings wait between pages, until the returned function is called.
func (s *Source) Throttle() (hurry func()) {
	s.From.Pause = func(ctx context.Context, took time.Duration) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(longestPause, max(shortestPause, took))):
			return nil
		}
	}
	return func() { s.From.Pause = nil }
}

// tries is how often work is begun that the source did not answer to the end.
const tries = 3

// RetryLost runs work again when the source did not answer to the end. Work must be whole or
// not done when it fails.
func (s *Source) RetryLost(ctx context.Context, work func() error) error {
	for try := 1; ; try++ {
		err := work()
		var own *Error
		if err == nil || ctx.Err() != nil || !errors.As(err, &own) || !own.lost || try == tries {
			return err
		}
		if err := s.From.Ready(ctx); err != nil {
			return waited(err)
		}
	}
}

// waited is a failure to become ready, for which it was waited already.
func waited(err error) error {
	e := failed(err)
	if own, is := e.(*Error); is { //nolint:errorlint // it is made there
		own.lost = false
	}
	return e
}

// Error is a failure of the source, not of the database.
type Error struct {
	text string
	lost bool
	kind error
}

func (e *Error) Error() string { return e.text }

// Unwrap returns the context's error when that was the reason, or elastic's own. Other causes stay
// hidden: a lost connection to the source looks like one to the database.
func (e *Error) Unwrap() error { return e.kind }

func failed(err error) error {
	if err == nil {
		return nil
	}
	e := &Error{text: err.Error(), lost: elastic.Lost(err)}
	for _, kind := range []error{context.Canceled, context.DeadlineExceeded, elastic.ErrVersion, elastic.ErrShards, elastic.ErrClosed} {
		if errors.Is(err, kind) {
			e.kind = kind
		}
	}
	return e
}

// Counts are how many documents there are of each index and type.
type Counts map[elastic.Kind]int64

// Of lists the indices and types of some documents, by index.
func (c Counts) Of(r manifest.StoreRead) (list []elastic.Kind) {
	for k := range c {
		if matches(k, r.Index, r.Type) {
			list = append(list, k)
		}
	}
	slices.SortFunc(list, order)
	return list
}

// Total is how many there are of some documents.
func (c Counts) Total(r manifest.StoreRead) (n int64) {
	for _, k := range c.Of(r) {
		n += c[k]
	}
	return n
}

// All is how many there are.
func (c Counts) All() (n int64) {
	for _, count := range c {
		n += count
	}
	return n
}

func order(a, b elastic.Kind) int {
	return cmp.Or(cmp.Compare(a.Index, b.Index), cmp.Compare(a.Type, b.Type))
}

// matches reports whether a kind of documents is that of a pattern and type.
func matches(k elastic.Kind, pattern, kind string) bool {
	ok, err := path.Match(pattern, k.Index)
	return err == nil && ok && (kind == "" || kind == k.Type)
}

// UnknownDocumentsError tells of documents that no table reads and that are not declared to have no place.
type UnknownDocumentsError struct{ Kinds []elastic.Kind }

func (e *UnknownDocumentsError) Error() string {
	list := fmt.Sprint(e.Kinds[:min(len(e.Kinds), 10)])
	return fmt.Sprintf("there are documents that the upgrade knows no place for, by index and type: %s; nothing of them may be lost silently", list)
}

// CheckUnknown returns what nobody reads, nil when there is nothing.
func (s *Source) CheckUnknown(c Counts) error {
	var list []elastic.Kind
	for k := range c {
		read := slices.ContainsFunc(s.Spec.Tables, func(t manifest.StoreTable) bool { return matches(k, t.Read.Index, t.Read.Type) })
		if !read && s.ignored(k) == nil {
			list = append(list, k)
		}
	}
	if len(list) == 0 {
		return nil
	}
	slices.SortFunc(list, order)
	return &UnknownDocumentsError{list}
}

func (s *Source) ignored(k elastic.Kind) *manifest.StoreIgnore {
	for i, ignore := range s.Spec.Ignore {
		if matches(k, ignore.Index, ignore.Type) {
			return &s.Spec.Ignore[i]
		}
	}
	return nil
}

// Ignored counts what is declared to have no place and read by no table, by the reason.
func (s *Source) Ignored(c Counts) map[string]int64 {
	n := map[string]int64{}
	for k, count := range c {
		i := s.ignored(k)
		if i == nil || slices.ContainsFunc(s.Spec.Tables, func(t manifest.StoreTable) bool { return matches(k, t.Read.Index, t.Read.Type) }) {
			continue
		}
		n[i.Why] += count
	}
	return n
}
