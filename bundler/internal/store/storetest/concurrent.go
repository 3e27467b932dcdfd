package storetest

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"onerpm/bundler/internal/store"
)

// noLostUpdate has 20 count in one file, as publishers do with a pointer.
func noLostUpdate(t *testing.T, s store.Store) {
	const writers, each = 20, 3
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for range each {
				if err := Increment(t.Context(), s, "counter"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if got, _ := Read(t, s, "counter"); string(got) != strconv.Itoa(writers*each) {
		t.Errorf("%s updates of %d are left", got, writers*each)
	}
}

// Increment adds one to the number in a file, by reading and conditional writing.
func Increment(ctx context.Context, s store.Store, name string) error {
	for {
		n, when := 0, store.Absent
		r, info, err := s.Open(ctx, name)
		if err == nil {
			var b []byte
			b, err = io.ReadAll(r)
			if err = errors.Join(err, r.Close()); err != nil {
				return err
			}
			if n, err = strconv.Atoi(string(b)); err != nil {
				return err
			}
			when = store.IfTag(info.Tag)
		} else if !errors.Is(err, store.ErrNotExist) {
			return err
		}
		_, err = s.Put(ctx, name, strings.NewReader(strconv.Itoa(n+1)), store.PutOptions{When: when})
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
		time.Sleep(rand.N(20 * time.Millisecond)) // so that not all collide again
	}
}

func oneCreates(t *testing.T, s store.Store) {
	var won atomic.Int32
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			_, err := s.Put(t.Context(), "a/new/file", strings.NewReader(strconv.Itoa(i)), store.PutOptions{When: store.Absent})
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, store.ErrConflict):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 20 were first", won.Load())
	}
}

// sameAtOnce has many put one immutable file, all but a few with the same content.
func sameAtOnce(t *testing.T, s store.Store) {
	contents := []string{"one", "one", "one", "two", "one", "one", "one", "two", "one", "one"}
	errs := make([]error, len(contents))
	var all sync.WaitGroup
	for i, c := range contents {
		all.Go(func() {
			_, errs[i] = s.Put(t.Context(), "a/file", strings.NewReader(c), store.PutOptions{Immutable: true})
		})
	}
	all.Wait()
	got, _ := Read(t, s, "a/file")
	for i, c := range contents {
		if c == string(got) && errs[i] != nil || c != string(got) && !errors.Is(errs[i], store.ErrConflict) {
			t.Errorf("%s is there; putting %s: %v", got, c, errs[i])
		}
	}
}
