package rpmpkg_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/rpmfile"
	"onerpm/test/samplerpm"
)

var makers = map[string]func(testing.TB) []byte{
	"rpmpack":  samplerpm.Packed,
	"rpmbuild": func(t testing.TB) []byte { return built(t, spec, payloads["gzip"]) },
}

// TestEveryByte flips a bit of each byte of a package. Whatever lies under a digest must be
// found; elsewhere (lead, signature header) nothing worse may happen than success.
func TestEveryByte(t *testing.T) {
	t.Parallel()
	pkg := makers["rpmbuild"](t)
	h, err := rpmpkg.Read(bytes.NewReader(pkg))
	if err != nil {
		t.Fatal(err)
	}
	covered := int(h.PayloadOffset) - len(h.Main.Raw())
	for i := range pkg {
		bit := i % 8
		pkg[i] ^= 1 << bit
		_, err := rpmpkg.Verify(bytes.NewReader(pkg))
		if err == nil && i >= covered {
			t.Errorf("bit %d of byte %d is flipped and nothing is said", bit, i)
		}
		pkg[i] ^= 1 << bit
	}
}

func TestTruncated(t *testing.T) {
	t.Parallel()
	for name, maker := range makers {
		pkg := maker(t)
		for n := range len(pkg) {
			_, err := rpmpkg.Verify(bytes.NewReader(pkg[:n]))
			var format *rpmfile.FormatError
			var digest *rpmpkg.DigestError
			if !errors.As(err, &format) && !errors.As(err, &digest) {
				t.Fatalf("%s cut at %d of %d: %v", name, n, len(pkg), err)
			}
		}
	}
}

func TestAppended(t *testing.T) {
	t.Parallel()
	for name, maker := range makers {
		_, err := rpmpkg.Verify(bytes.NewReader(append(maker(t), 0)))
		var digest *rpmpkg.DigestError
		if !errors.As(err, &digest) || digest.What != "size of header and payload" {
			t.Errorf("%s with one byte more: %v", name, err)
		}
	}
}

func TestReaderFails(t *testing.T) {
	t.Parallel()
	pkg := samplerpm.Packed(t)
	broken := errors.New("broken pipe")
	for _, n := range []int{0, 50, 100, 300, len(pkg) - 1} {
		_, err := rpmpkg.Verify(io.MultiReader(bytes.NewReader(pkg[:n]), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v, want the reader's error", n, err)
		}
	}
}

func TestVerified(t *testing.T) {
	t.Parallel()
	h, err := rpmpkg.Verify(bytes.NewReader(makers["rpmbuild"](t)))
	if err != nil {
		t.Fatal(err)
	}
	want := "[header SHA-1 header SHA-256 size of header and payload MD5 of header and payload payload SHA-256]"
	if got := fmt.Sprint(h.Verified); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if h, err = rpmpkg.VerifyPinned(bytes.NewReader(makers["rpmbuild"](t))); err != nil {
		t.Fatal(err)
	}
	want = "[header SHA-1 header SHA-256 size of header and payload payload SHA-256]"
	if got := fmt.Sprint(h.Verified); got != want {
		t.Errorf("pinned: got %s, want %s", got, want)
	}
}
