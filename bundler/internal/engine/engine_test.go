package engine

import (
	"bytes"
	"strings"
	"testing"
	"testing/fstest"

	"onerpm/bundler/internal/exit"
)

// A bundler that was built without make says what to do; one whose engine is damaged does not use it.
func TestRead(t *testing.T) {
	t.Parallel()
	program := bytes.Repeat([]byte("an engine "), 10_000)
	packed, err := Pack(program)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Pack(program); err != nil || !bytes.Equal(again, packed) {
		t.Errorf("packed twice, it differs (%v)", err)
	}
	got, err := read(fstest.MapFS{File: {Data: packed}})
	if err != nil || !bytes.Equal(got, program) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	_, err = read(fstest.MapFS{})
	if exit.Code(err) != exit.Missing || !strings.Contains(exit.Hint(err), "make bundler") || !strings.Contains(exit.Hint(err), "--engine") {
		t.Errorf("without an engine: %v, exit code %d, hint %q", err, exit.Code(err), exit.Hint(err))
	}
	for i := range packed {
		damaged := bytes.Clone(packed)
		damaged[i] ^= 1
		if got, err := read(fstest.MapFS{File: {Data: damaged}}); err == nil && !bytes.Equal(got, program) {
			t.Fatalf("a flipped bit of byte %d of %d is not found", i, len(packed))
		}
	}
	for n := range packed {
		if _, err := read(fstest.MapFS{File: {Data: packed[:n]}}); err == nil && n > 0 {
			t.Fatalf("%d of %d bytes pass", n, len(packed))
		}
	}
}
