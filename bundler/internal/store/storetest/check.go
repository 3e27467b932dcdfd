package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"onerpm/bundler/internal/store"
)

// checks puts content that is checked meanwhile, in one piece and in parts.
func checks(t *testing.T, s store.Store) {
	bad := errors.New("not the right one")
	for i, n := range []int{1000, 33 << 20} {
		want := Bytes(uint64(i), n)
		there := fmt.Sprintf("there%d", i)
		Put(t, s, there, want, store.PutOptions{Immutable: true})
		for how, check := range map[string]func(io.Reader) error{
			"at once":       func(io.Reader) error { return bad },
			"in the middle": func(r io.Reader) error { _, err := io.CopyN(io.Discard, r, int64(n/2)); return errors.Join(err, bad) },
			"at the end":    func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return errors.Join(err, bad) },
		} {
			for _, name := range []string{"new", there} {
				o := store.PutOptions{Immutable: true, Check: check}
				if _, err := s.Put(t.Context(), name, bytes.NewReader(want), o); !errors.Is(err, bad) {
					t.Errorf("%d bytes as %s, refused %s: %v", n, name, how, err)
				}
			}
		}
		if left := Names(t, s, "new"); len(left) != 0 {
			t.Errorf("%d bytes: what was refused is there", n)
		}
		// What is put is what was checked, also when it changes meanwhile.
		c := &changing{Reader: bytes.NewReader(want), other: bytes.NewReader(Bytes(9, n))}
		var checked bytes.Buffer
		_, err := s.Put(t.Context(), "changed", c, store.PutOptions{Immutable: true, Check: func(r io.Reader) error {
			_, err := io.Copy(&checked, r)
			c.changed.Store(true)
			return err
		}})
		if err == nil {
			if got, _ := Read(t, s, "changed"); !bytes.Equal(got, checked.Bytes()) {
				t.Errorf("%d bytes: other bytes are there than were checked", n)
			}
			if err := s.Delete(t.Context(), "changed"); err != nil {
				t.Fatal(err)
			}
		}
		asked := 0
		Put(t, s, "good", want, store.PutOptions{Check: func(r io.Reader) error {
			asked++
			got, err := io.ReadAll(r)
			if !bytes.Equal(got, want) {
				err = errors.Join(err, bad)
			}
			return err
		}})
		if got, _ := Read(t, s, "good"); !bytes.Equal(got, want) || asked != 1 {
			t.Errorf("%d bytes: something else is there, or it was checked %d times", n, asked)
		}
	}
	if got := fmt.Sprint(Names(t, s, "")); got != "[good there0 there1]" {
		t.Error(got)
	}
	if left, err := s.Tidy(t.Context(), time.Now().Add(time.Minute)); left != 0 || err != nil {
		t.Errorf("%d uploads are left (%v)", left, err)
	}
}

// changing is content that becomes another.
type changing struct {
	*bytes.Reader
	other   *bytes.Reader
	changed atomic.Bool
}

// ReadAt reads what is there now.
func (c *changing) ReadAt(p []byte, at int64) (int, error) {
	if c.changed.Load() {
		return c.other.ReadAt(p, at)
	}
	return c.Reader.ReadAt(p, at)
}
