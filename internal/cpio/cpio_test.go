package cpio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func entry(name string, mode, size int64) string {
	s := fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00", 1, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, len(name)+1, 0, name)
	return s + strings.Repeat("\x00", int(pad(int64(len(s)))))
}

func TestReads(t *testing.T) {
	t.Parallel()
	r := NewReader(strings.NewReader(entry("./a", 0o100644, 3) + "abc\x00" + entry("./d", 0o040755, 0) + entry("TRAILER!!!", 0, 0)))
	m, err := r.Next()
	if err != nil || m != (Member{"./a", 0o100644, 3}) {
		t.Fatal(m, err)
	}
	if data, err := io.ReadAll(r); err != nil || string(data) != "abc" {
		t.Fatalf("%q %v", data, err)
	}
	if m, err = r.Next(); err != nil || m.Mode&KindMask != KindDir {
		t.Fatal(m, err)
	}
	if _, err = r.Next(); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
}

func TestBomb(t *testing.T) {
	t.Parallel()
	r := NewReader(strings.NewReader(entry("./x", 0o100644, 4_000_000_000)))
	r.total = MaxTotal - 1
	if _, err := r.Next(); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "more than 8589934592 bytes") {
		t.Error(err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(entry("./a", 0o100644, 3) + "abc\x00" + entry("TRAILER!!!", 0, 0)))
	f.Add([]byte(entry("./a", 0o100644, 0xffffffff)))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(bytes.NewReader(b))
		for {
			m, err := r.Next()
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, ErrDamaged) {
					t.Error(err)
				}
				return
			}
			if n, err := io.Copy(io.Discard, r); err == nil && n != m.Size {
				t.Errorf("%d bytes of %d", n, m.Size)
			}
		}
	})
}
