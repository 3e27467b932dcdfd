package source

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/document"
	"onerpm/payload-scripts/internal/elastic"
)

// Look is what the source says of itself at one moment.
type Look struct {
	Counts   Counts
	counters map[string]elastic.Counters
}

// Look asks the source. What was written before must have been made visible. An index that is
// closed is an error: its documents are counted nowhere. It waits for one that is being made in this moment, as that of
// a new day is.
func (s *Source) Look(ctx context.Context) (l Look, err error) {
	err = s.RetryLost(ctx, func() error {
		l, err = s.look(ctx)
		return err
	})
	return l, err
}

func (s *Source) look(ctx context.Context) (l Look, err error) {
	if _, err := s.From.Indices(ctx); err != nil {
		return l, failed(err)
	}
	if l.counters, err = s.From.Stats(ctx); err == nil {
		l.Counts, err = s.From.Counts(ctx)
	}
	return l, failed(err)
}

// Bytes is what the documents take on the source's disks.
func (l Look) Bytes() (n int64) {
	for _, c := range l.counters {
		n += c.Bytes
	}
	return n
}

// ErrChanged is a source that was written to between two looks.
var ErrChanged = errors.New("the source was written to meanwhile")

// Same demands that nothing was written between two looks. A deletion by query is not counted,
// but lowers the number of documents, which only a counted write can raise again. A restart sets
// the counters to 0, so that what was updated before it is seen only by the deleted documents
// that are still kept, as an update deletes the one before: more of them are a write. Fewer are
// none: merging segments, which Elasticsearch does by itself, takes them away.
func (l Look) Same(after Look) error {
	for name, now := range after.counters {
		was := l.counters[name]
		was.Gone, was.Bytes, now.Bytes = min(was.Gone, now.Gone), 0, 0
		if was != now {
			return fmt.Errorf("%w: index %s had %+v before and has %+v after", ErrChanged, name, was, now)
		}
	}
	if len(l.counters) != len(after.counters) || !maps.Equal(l.Counts, after.Counts) {
		return fmt.Errorf("%w: there are other indices, or other numbers of documents", ErrChanged)
	}
	return nil
}

// ErrOthers is a source that has other documents than its proof says.
var ErrOthers = errors.New("the source has other documents than when it was copied")

// Proof is what the source had when its last write was over. The way back compares it.
type Proof struct {
	Counts map[string]int64 `json:"counts,omitempty"` // documents by index/type
	Digest string           `json:"digest,omitempty"` // of all documents that are not only added: type, id, version, source
}

// NewProof makes the proof of what was counted and read.
func NewProof(c Counts, d *Digest) Proof {
	p := Proof{Counts: map[string]int64{}, Digest: d.String()}
	for k, n := range c {
		p.Counts[k.String()] = n
	}
	return p
}

// Prove demands that the source is what a proof says: the same documents by index and
// type, and those that are not only added with the same versions and sources.
func (s *Source) Prove(ctx context.Context, p Proof) error {
	if err := s.Ready(ctx); err != nil {
		return err
	}
	counts, err := s.From.Counts(ctx)
	if err != nil {
		return failed(err)
	}
	var sum Digest
	for _, t := range s.Spec.Tables {
		if !s.Proves(t) {
			continue
		}
		err := s.Read(ctx, elastic.Query{Index: t.Read.Index, Type: t.Read.Type}, func(d *document.Document) error {
			sum.Add(d)
			return nil
		})
		if err != nil {
			return err
		}
	}
	got := NewProof(counts, &sum)
	if differ := differences(got.Counts, p.Counts); len(differ) > 0 {
		return fmt.Errorf("%w: %s", ErrOthers, strings.Join(differ[:min(len(differ), 10)], ", "))
	}
	if got.Digest != p.Digest {
		return fmt.Errorf("%w: of the same number", ErrOthers)
	}
	return nil
}

// differences are the numbers that differ, by index and type.
func differences(got, want map[string]int64) (list []string) {
	all := maps.Clone(got)
	maps.Copy(all, want)
	for _, kind := range slices.Sorted(maps.Keys(all)) {
		if got[kind] != want[kind] {
			list = append(list, fmt.Sprintf("%d of %s instead of %d", got[kind], kind, want[kind]))
		}
	}
	return list
}

// Proves reports whether a table's documents are those that a digest is made of: of documents that
// several tables read, the first.
func (s *Source) Proves(t manifest.StoreTable) bool {
	first := slices.IndexFunc(s.Spec.Tables, func(o manifest.StoreTable) bool { return o.Read.Index == t.Read.Index && o.Read.Type == t.Read.Type })
	return t.Read.Grows == "" && first >= 0 && s.Spec.Tables[first].Table == t.Table
}

// Digest is that of a set of documents, in whatever order they come: the sum of each one's
// SHA-256, modulo 2^256.
type Digest [4]uint64

// Add adds a document; to a nil digest, none.
func (g *Digest) Add(d *document.Document) {
	if g == nil {
		return
	}
	h := sha256.New()
	var n [8]byte
	for _, part := range [][]byte{[]byte(d.Index), []byte(d.Type), []byte(d.ID), binary.BigEndian.AppendUint64(nil, uint64(d.Version)), d.Source} {
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:]) // never fails
		h.Write(part)
	}
	sum := h.Sum(nil)
	carry := uint64(0)
	for i := range g {
		x := binary.LittleEndian.Uint64(sum[8*i:])
		y := g[i] + x
		over := y < x
		g[i] = y + carry
		if over || g[i] < carry {
			carry = 1
		} else {
			carry = 0
		}
	}
}

// String is the digest in hexadecimal digits.
func (g *Digest) String() string {
	var b []byte
	for _, x := range g {
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	return hex.EncodeToString(b)
}
