// Package engine is the program that bundles carry, inside this one: make bundler puts it here, so that one file
// is all that a release engineer installs, and no bundle has the engine of another version.
//
// It is for x86_64, as all machines that a bundle was ever tried on are; one for another architecture is named with --engine.
// A bundler that go build made without make has none, and says so when it is needed.
package engine

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/klauspost/compress/zstd"

	"onerpm/bundler/internal/exit"
)

// built has the engine in a built program. The README is always there: a pattern that matches nothing does not compile.
//
//go:embed built/*
var built embed.FS

const (
	// File is where make puts the engine, from this package's folder.
	File = "built/engine.zst"

	// most bounds what is unpacked, in bytes.
	most = 256 << 20
)

// Program returns the engine. The error has the exit code exit.Missing when there is none.
var Program = sync.OnceValues(func() ([]byte, error) { return read(built) })

// SHA256 returns the engine's SHA-256 in hexadecimal, "" when there is none.
func SHA256() (string, error) {
	program, err := Program()
	if exit.Code(err) == exit.Missing {
		return "", nil
	}
	sum := sha256.Sum256(program)
	return hex.EncodeToString(sum[:]), err
}

func read(from fs.FS) ([]byte, error) {
	packed, err := fs.ReadFile(from, File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, exit.Errorf(exit.Missing, "build the bundler with make bundler, or name an engine with --engine FILE", "this bundler was built without an engine")
	}
	if err != nil {
		return nil, err
	}
	program, err := Unpack(packed)
	if err != nil {
		return nil, fmt.Errorf("unpack the engine in this bundler: %w", err)
	}
	return program, nil
}

// Pack compresses an engine: equal bytes give equal bytes.
func Pack(program []byte) ([]byte, error) {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return w.EncodeAll(program, nil), nil
}

// Unpack is the reverse of Pack. A zstd frame has a checksum, so what comes out is what went in.
func Unpack(packed []byte) ([]byte, error) {
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(most))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.DecodeAll(packed, nil)
}
