package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"onerpm/bundler/internal/store"
)

// lying promises more than it has.
type lying struct {
	*bytes.Reader
	size int64
}

// Size is not true.
func (l lying) Size() int64 { return l.size }

func shortContent(t *testing.T, s store.Store) {
	for _, n := range []int{100, 20 << 20} {
		Put(t, s, "there", []byte("before"), store.PutOptions{})
		for _, name := range []string{"there", "new"} {
			_, err := s.Put(t.Context(), name, lying{bytes.NewReader(Bytes(4, n)), int64(n) + 1}, store.PutOptions{})
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%d bytes where one more was promised: %v", n, err)
			}
		}
	}
	if got, _ := Read(t, s, "there"); string(got) != "before" {
		t.Errorf("a failed put left %d bytes", len(got))
	}
	if got := fmt.Sprint(Names(t, s, "")); got != "[there]" {
		t.Error(got)
	}
}

// cancelled stops a Put in its middle. Nothing is to be seen of it, and Tidy leaves nothing: when a
// server is still at a part as the upload is aborted, it must be aborted again (AbortMultipartUpload of S3).
func cancelled(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("somebody pressed a key")
	want := Bytes(5, 33<<20)
	began := time.Now()
	_, err := s.Put(ctx, "big.rpm", bytes.NewReader(want), store.PutOptions{Progress: func(int64) { cancel(cause) }, Check: func(r io.Reader) error {
		_, err := io.Copy(io.Discard, r)
		return err
	}})
	if !errors.Is(err, cause) {
		t.Errorf("a cancelled put: %v", err)
	}
	if got := Names(t, s, ""); len(got) != 0 {
		t.Errorf("it left %q", got)
	}
	for left := 1; left > 0; {
		var err error
		if left, err = s.Tidy(t.Context(), time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if left > 0 && time.Since(began) > time.Minute {
			t.Fatalf("after a minute there are still %d to tidy", left)
		}
	}
	Put(t, s, "big.rpm", want, store.PutOptions{When: store.Absent})
	if got, _ := Read(t, s, "big.rpm"); !bytes.Equal(got, want) {
		t.Error("it came back with other content")
	}
}

// A reader has one version of a file, or an error.
func replacedWhileRead(t *testing.T, s store.Store) {
	old := bytes.Repeat([]byte("old!"), 2<<20)
	Put(t, s, "file", old, store.PutOptions{})
	r, _, err := s.Open(t.Context(), "file")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close() //nolint:errcheck // it was only read
	head := make([]byte, 1000)
	if _, err := io.ReadFull(r, head); err != nil {
		t.Fatal(err)
	}
	Put(t, s, "file", bytes.Repeat([]byte("new!"), 2<<20), store.PutOptions{})
	rest, err := io.ReadAll(r)
	if err == nil && !bytes.Equal(append(head, rest...), old) {
		t.Error("a reader saw two versions in one")
	}
}
