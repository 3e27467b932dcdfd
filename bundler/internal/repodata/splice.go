package repodata

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// edit is what changes from one generation to the next.
type edit struct {
	add  []Entry  // by SHA-256
	drop []string // sorted
}

func newEdit(add []Entry, drop []string) (edit, error) {
	e := edit{slices.Clone(add), slices.Clone(drop)}
	slices.SortFunc(e.add, func(a, b Entry) int { return strings.Compare(a.SHA256, b.SHA256) })
	slices.Sort(e.drop)
	for i, a := range e.add {
		if a.lists[0] == nil {
			return edit{}, errors.New("an entry that Describe did not make")
		}
		if i > 0 && e.add[i-1].SHA256 == a.SHA256 {
			return edit{}, fmt.Errorf("%s is added twice", a.NEVRA)
		}
	}
	for i, id := range e.drop {
		if i > 0 && e.drop[i-1] == id {
			return edit{}, fmt.Errorf("%s is dropped twice", id)
		}
	}
	return e, nil
}

// splice copies list i of a generation to w with the edit made; previous is nil when
// there is none. Each package's id is also given to note.
func splice(ctx context.Context, w io.Writer, previous io.Reader, i int, e edit, note func(id string)) error {
	k := kinds[i]
	s := &scanner{kind: k, r: bufio.NewReader(strings.NewReader(k.footer()))} // an empty list
	if previous != nil {
		var err error
		if s, err = newScanner(previous, k); err != nil {
			return err
		}
	}
	if n := len(e.drop); n > s.count {
		return fmt.Errorf("drop %d packages from %d", n, s.count)
	}
	if _, err := io.WriteString(w, k.header(s.count+len(e.add)-len(e.drop))); err != nil {
		return err
	}
	add, drop := e.add, e.drop
	put := func(entry []byte, id string) error {
		note(id)
		_, err := w.Write(entry)
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		entry, id, err := s.next()
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return err
		}
		for len(add) > 0 && (last || add[0].SHA256 < id) {
			if err := put(add[0].lists[i], add[0].SHA256); err != nil {
				return err
			}
			add = add[1:]
		}
		switch {
		case len(drop) > 0 && (last || drop[0] < id):
			return fmt.Errorf("drop %s: it is not there", drop[0])
		case last:
			_, err := io.WriteString(w, k.footer())
			return err
		case len(add) > 0 && add[0].SHA256 == id:
			return fmt.Errorf("add %s: %s is there already", add[0].NEVRA, id)
		case len(drop) > 0 && drop[0] == id:
			drop = drop[1:]
		default:
			if err := put(entry, id); err != nil {
				return err
			}
		}
	}
}
