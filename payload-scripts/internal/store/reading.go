package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"onerpm/payload-scripts/internal/copyin"
	"onerpm/payload-scripts/internal/document"
	"onerpm/payload-scripts/internal/elastic"
	"onerpm/payload-scripts/internal/mapping"
)

// progressEvery is after how many documents progress is told.
const progressEvery = 500

// read reads documents of the source. What each returns comes back as it is; the source's own errors are told apart.
func (s *Store) read(ctx context.Context, q elastic.Query, each func(*document.Document) error) error {
	var own error
	_, err := s.From.Read(ctx, q, func(d *document.Document) error {
		own = each(d)
		return own
	})
	if own != nil {
		return own
	}
	return ofSource(err)
}

// sink counts what becomes of documents in a tally, and gives rows on.
func (ids numbered) sink(tally *Tally, row func(*mapping.Row) error) *mapping.Sink {
	return &mapping.Sink{
		Lookup:   ids.lookup,
		Marked:   ids.marked,
		Row:      func(r *mapping.Row) error { tally.Rows++; return row(r) },
		Skip:     func(k mapping.Skip) { tally.Skipped.add(k.Column, k.Why, 1) },
		Unknown:  func(string, []byte) {},
		Replaced: func(column string, n int) { tally.Replaced[column] += int64(n) },
		Misfit:   func(m mapping.Misfit) error { return m },
	}
}

// whole reads all documents of a table that is read whole. put gets each row with its number
// (0 in a table without) and whether it is new.
func (s *Store) whole(ctx context.Context, t *mapping.Table, ids numbered, total int64, sum *digest, put func(number int64, fresh bool, r *mapping.Row) error) (Tally, error) {
	tally := newTally()
	own := ids[t.Spec.Table]
	var at *document.Document
	sink := ids.sink(&tally, func(r *mapping.Row) error {
		if own == nil {
			return put(0, true, r)
		}
		number, fresh, twice := own.see(r)
		if twice {
			return mapping.Misfit{Table: t.Spec.Table, Index: at.Index, Type: at.Type, ID: at.ID, Why: "another document has the same key"}
		}
		return put(number, fresh, r)
	})
	err := s.read(ctx, elastic.Query{Index: t.Spec.Read.Index, Type: t.Spec.Read.Type}, func(d *document.Document) error {
		if tally.Documents++; tally.Documents%progressEvery == 0 {
			s.tell("copy "+t.Spec.Table, tally.Documents, max(total, tally.Documents))
		}
		if t.Spec.Read.Each == "" { // otherwise the documents are read for another table too
			sum.add(d)
		}
		at = d
		return t.Rows(d, sink)
	})
	return tally, err
}

// write writes a row, with its number when it has one.
func write(w *copyin.Writer, number int64, r *mapping.Row) error {
	if number > 0 {
		w.Number(number)
	}
	for _, c := range r.Cells {
		w.Cell(c)
	}
	return w.End()
}

// columns are those that row writes.
func columns(t *mapping.Table) []string {
	if t.Spec.Number == "" || t.Spec.Read.Grows != "" {
		return t.Columns
	}
	return append([]string{t.Spec.Number}, t.Columns...)
}

// digest is that of a set of documents, in whatever order they come: the sum of each one's
// SHA-256, modulo 2^256.
type digest [4]uint64

func (g *digest) add(d *document.Document) {
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

func (g *digest) String() string {
	var b []byte
	for _, x := range g {
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	return hex.EncodeToString(b)
}
