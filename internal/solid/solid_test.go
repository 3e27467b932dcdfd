package solid_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"onerpm/internal/solid"
)

// piece is one of a payload.
type piece struct {
	payload int
	data    []byte
}

func pack(t testing.TB, pieces ...piece) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := solid.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pieces {
		if err := w.Piece(p.payload, bytes.NewReader(p.data), int64(len(p.data))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func noise(seed byte, n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// unpack reads a stream of payloads that have these sizes.
func unpack(t testing.TB, stream []byte, sizes ...int) ([][]byte, error) {
	t.Helper()
	all := make([]bytes.Buffer, len(sizes))
	payloads := make([]solid.Payload, len(sizes))
	for i, n := range sizes {
		payloads[i] = solid.Payload{W: &all[i], Size: int64(n)}
	}
	err := solid.Unpack(t.Context(), bytes.NewReader(stream), payloads)
	out := make([][]byte, len(sizes))
	for i := range all {
		if out[i] = all[i].Bytes(); len(out[i]) > sizes[i] {
			t.Errorf("payload %d has %d bytes, more than %d", i, len(out[i]), sizes[i])
		}
	}
	return out, err
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	a, b := noise(1, 3<<20), noise(2, 700<<10)
	stream := pack(t, piece{0, a[:1<<20]}, piece{1, a}, piece{0, a[1<<20:]}, piece{1, b}, piece{2, []byte("x")})
	got, err := unpack(t, stream, len(a), len(a)+len(b), 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]byte{a, slices.Concat(a, b), []byte("x")} {
		if !bytes.Equal(got[i], want) {
			t.Errorf("payload %d is another", i)
		}
	}
	if most := len(a) + len(b) + 16<<10; len(stream) > most {
		t.Errorf("%d bytes where what is alike should take nothing: %d", len(stream), most)
	}
}

// TestSameBytes holds still what a bundle's digest depends on. When it fails after an update of the library, edition in
// bundler/internal/payloads must be another, or bundles that were made before cannot be made again with what is cached.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	text := bytes.Repeat([]byte("the same words again and again, but for number 1234567890\n"), 2000)
	for i := range text {
		if i%97 == 0 {
			text[i] = byte('a' + i%23)
		}
	}
	sum := sha256.Sum256(pack(t, piece{0, text}, piece{1, noise(3, 300<<10)}, piece{1, text[1000:]}))
	const want = "ef1c9f09846d0e38c05862eb174695f1c4966c39edeb9b2d6a2e288f92f4f1a5"
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDamaged(t *testing.T) {
	t.Parallel()
	a := noise(4, 200<<10)
	good := pack(t, piece{0, a}, piece{1, a[:100]})
	raw := func(b []byte) []byte {
		z, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		return z.EncodeAll(b, nil)
	}
	for name, c := range map[string]struct {
		stream []byte
		sizes  []int
	}{
		"nothing":                 {nil, []int{len(a), 100}},
		"no zstd":                 {a, []int{len(a), 100}},
		"cut off":                 {good[:len(good)-1], []int{len(a), 100}},
		"cut in the middle":       {good[:len(good)/2], []int{len(a), 100}},
		"something behind":        {append(slices.Clone(good), 1, 2, 3, 4, 5), []int{len(a), 100}},
		"a stream behind":         {slices.Concat(good, good), []int{len(a), 100}},
		"larger than said":        {good, []int{len(a) - 1, 100}},
		"smaller than said":       {good, []int{len(a) + 1, 100}},
		"payload nobody knows":    {good, []int{len(a)}},
		"payload that lacks":      {good, []int{len(a), 100, 1}},
		"a piece of nothing":      {raw([]byte{0, 0, 0, 0, 0}), []int{1}},
		"a piece that is too big": {raw([]byte{0, 255, 255, 255, 255, 1}), []int{1}},
		"a cut head":              {raw([]byte{0, 0, 0}), []int{1}},
		"a cut piece":             {raw([]byte{0, 0, 0, 0, 2, 7}), []int{2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := unpack(t, c.stream, c.sizes...); !errors.Is(err, solid.ErrDamaged) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestFlippedBytes: every damaged stream gives an error or other bytes, and never more of them.
func TestFlippedBytes(t *testing.T) {
	t.Parallel()
	text := bytes.Repeat([]byte("some text that is repeated, "), 400)
	good := pack(t, piece{0, text}, piece{1, text[7:]})
	for i := range good {
		bad := slices.Clone(good)
		bad[i] ^= 1 << (i % 8)
		got, err := unpack(t, bad, len(text), len(text)-7)
		if err == nil && bytes.Equal(got[0], text) && bytes.Equal(got[1], text[7:]) && i > 8 {
			t.Errorf("byte %d of %d changes nothing", i, len(good))
		}
	}
}

// TestNoEnd: a stream that would unpack to a terabyte ends at the size that was said, and at once.
func TestNoEnd(t *testing.T) {
	t.Parallel()
	from, to := io.Pipe()
	go func() {
		z, err := zstd.NewWriter(to, zstd.WithEncoderConcurrency(1))
		for record := append([]byte{0, 0, 16, 0, 0}, make([]byte, 1<<20)...); err == nil; { // a piece of 1 MiB of payload 0
			_, err = z.Write(record)
		}
	}()
	var n counter
	err := solid.Unpack(t.Context(), from, []solid.Payload{{W: &n, Size: 10 << 20}})
	_ = from.Close()
	if !errors.Is(err, solid.ErrDamaged) || n != 10<<20 {
		t.Errorf("%d bytes, %v", n, err)
	}
}

type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

// TestErrorsOfOthers: what the reader, a writer or the caller says is not the stream's fault.
func TestErrorsOfOthers(t *testing.T) {
	t.Parallel()
	stream := pack(t, piece{0, noise(5, 2<<20)})
	mine := errors.New("mine")
	ended, end := context.WithCancelCause(t.Context())
	end(mine)
	for name, err := range map[string]error{
		"reader": solid.Unpack(t.Context(), io.MultiReader(bytes.NewReader(stream[:1<<20]), failing{mine}), []solid.Payload{{W: io.Discard, Size: 2 << 20}}),
		"writer": solid.Unpack(t.Context(), bytes.NewReader(stream), []solid.Payload{{W: failing{mine}, Size: 2 << 20}}),
		"caller": solid.Unpack(ended, bytes.NewReader(stream), []solid.Payload{{W: io.Discard, Size: 2 << 20}}),
	} {
		if !errors.Is(err, mine) || errors.Is(err, solid.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestMemory: what an Unpack holds goes with the window, not with the payloads.
func TestMemory(t *testing.T) {
	data := noise(6, 20<<20)
	stream := pack(t, piece{0, data}, piece{1, data}, piece{0, data}, piece{1, data})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var n counter
	if err := solid.Unpack(t.Context(), bytes.NewReader(stream), []solid.Payload{{W: &n, Size: 40 << 20}, {W: &n, Size: 40 << 20}}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if took := int64(after.TotalAlloc - before.TotalAlloc); took > 2*solid.Window {
		t.Errorf("%d MiB were allocated for %d MiB of payloads", took>>20, n>>20)
	}
}

// FuzzUnpack: whatever the bytes are, no payload gets more than it was said to have, and without an error exactly as much.
func FuzzUnpack(f *testing.F) {
	text := bytes.Repeat([]byte("text "), 100)
	f.Add(pack(f, piece{0, text}, piece{1, text[3:]}), len(text), len(text)-3)
	f.Add(pack(f, piece{1, noise(7, 2000)}, piece{0, []byte{1}}), 1, 2000)
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd}, 1, 1)
	f.Fuzz(func(t *testing.T, stream []byte, first, second int) {
		sizes := []int{first & 0xffff, second & 0xffff}
		got, err := unpack(t, stream, sizes...)
		for i := range got {
			if err == nil && len(got[i]) != sizes[i] {
				t.Errorf("payload %d has %d bytes, %d were said", i, len(got[i]), sizes[i])
			}
		}
	})
}
