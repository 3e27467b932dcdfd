// Package copyin fills tables by COPY, row by row from whoever makes the rows.
package copyin

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"onerpm/payload-scripts/internal/mapping"
)

// Writer writes rows in COPY's text format, in which every type has one form.
type Writer struct {
	*bufio.Writer
	began bool
	hex   []byte
}

// bufferBytes is how much is given to the database at a time.
const bufferBytes = 64 << 10

func (w *Writer) sep() {
	if w.began {
		_ = w.WriteByte('\t') // Flush tells
	}
	w.began = true
}

// Number writes a whole number.
func (w *Writer) Number(n int64) {
	w.sep()
	_, _ = w.WriteString(strconv.FormatInt(n, 10)) // likewise
}

// Text writes a value in its text form.
func (w *Writer) Text(b []byte) {
	w.sep()
	w.escaped(b)
}

// Bytes writes a bytea.
func (w *Writer) Bytes(b []byte) {
	w.sep()
	_, _ = w.WriteString(`\\x`)
	for len(b) > 0 {
		n := min(len(b), 4096)
		w.hex = hex.AppendEncode(w.hex[:0], b[:n])
		_, _ = w.Write(w.hex)
		b = b[n:]
	}
}

// Null writes NULL.
func (w *Writer) Null() {
	w.sep()
	_, _ = w.WriteString(`\N`)
}

// Cell writes the value of a column.
func (w *Writer) Cell(c mapping.Cell) {
	switch {
	case c.Null:
		w.Null()
	case c.Bytes:
		w.Bytes(c.Text)
	default:
		w.Text(c.Text)
	}
}

// End ends a row. It returns the error that any of the writes had.
func (w *Writer) End() error {
	w.began = false
	return w.WriteByte('\n')
}

func (w *Writer) escaped(b []byte) {
	from := 0
	for i, c := range b {
		var as string
		switch c {
		case '\\':
			as = `\\`
		case '\n':
			as = `\n`
		case '\r':
			as = `\r`
		case '\t':
			as = `\t`
		default:
			continue
		}
		_, _ = w.Write(b[from:i])
		_, _ = w.WriteString(as)
		from = i + 1
	}
	_, _ = w.Write(b[from:])
}

// errTaken ends a producer whose rows nobody takes any more.
var errTaken = errors.New("the database takes no more rows")

// Run copies the rows that produce writes into a table, and returns how many they were. What made produce fail is
// returned as it is: the database only repeats its text.
func Run(parent context.Context, tx pgx.Tx, table string, columns []string, produce func(context.Context, *Writer) error) (int64, error) {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	in, out := io.Pipe()
	produced := make(chan error, 1)
	go func() {
		w := &Writer{Writer: bufio.NewWriterSize(out, bufferBytes)}
		err := produce(ctx, w)
		if err == nil {
			err = w.Flush()
		}
		_ = out.CloseWithError(err) // never fails
		produced <- err
	}()
	var quoted []string
	for _, c := range columns {
		quoted = append(quoted, pgx.Identifier{c}.Sanitize())
	}
	tag, err := tx.Conn().PgConn().CopyFrom(ctx, in, "COPY "+table+" ("+strings.Join(quoted, ", ")+") FROM STDIN")
	_ = in.CloseWithError(errTaken) // never fails
	if err != nil {
		cancel()                                                  // what is still read for it
		if parent.Err() != nil && !errors.Is(err, parent.Err()) { // pgx may tell of the connection that it has closed instead
			err = fmt.Errorf("%w: %w", parent.Err(), err)
		}
	}
	own := <-produced
	ended := errors.Is(own, errTaken) || err != nil && parent.Err() == nil && errors.Is(own, context.Canceled) // by us
	if own != nil && !ended {
		return 0, own
	}
	return tag.RowsAffected(), err
}
