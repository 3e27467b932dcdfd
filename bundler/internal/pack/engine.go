package pack

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/release"
)

// Engine is the program that upgrades the host: a file, or one that the bundler carries.
type Engine struct {
	Path string // of the file; "" when it is none
	Body []byte // the program itself when Path is ""
}

func (e Engine) String() string {
	if e.Path == "" {
		return "in this bundler"
	}
	return e.Path
}

// open gives the program to read.
func (e Engine) open() (interface {
	io.ReaderAt
	io.Closer
}, error) {
	if e.Path == "" {
		return inMemory{bytes.NewReader(e.Body)}, nil
	}
	return os.Open(e.Path)
}

type inMemory struct{ *bytes.Reader }

// Close does nothing: there is no file.
func (inMemory) Close() error { return nil }

// Check refuses what cannot be the engine, as Assemble does, and one that runs on no platform of a release.
func (e Engine) Check(releases ...*release.Release) error {
	arch, err := e.arch()
	if err != nil {
		return err
	}
	for _, r := range releases {
		runs := func(platform string) bool { return strings.HasSuffix(platform, "."+arch) }
		if !slices.ContainsFunc(r.Platforms, runs) {
			return exit.Errorf(exit.Mismatch, "build an engine for the release's machines with GOARCH and name it with --engine, or correct platforms in versions/"+r.Version+".yaml",
				"the engine %s is for %s, and release %s runs on %s", e, arch, r.Version, strings.Join(r.Platforms, ", "))
		}
	}
	return nil
}

// arch returns rpm's name for the architecture of the engine, which must be a
// Linux program that needs no library of the host.
func (e Engine) arch() (string, error) {
	const hint = "run make engine"
	r, err := e.open()
	if err != nil {
		return "", exit.With(exit.Missing, fmt.Errorf("read the engine %s: %w", e, err), hint)
	}
	defer r.Close() //nolint:errcheck // only read
	f, err := elf.NewFile(r)
	if err != nil {
		return "", exit.With(exit.Missing, fmt.Errorf("read the engine %s: %w", e, err), hint)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return "", exit.Errorf(exit.Mismatch, hint, "the engine %s needs libraries of the host it runs on: it was not built with CGO_ENABLED=0", e)
		}
	}
	switch f.Machine {
	case elf.EM_X86_64:
		return "x86_64", nil
	case elf.EM_AARCH64:
		return "aarch64", nil
	}
	return "", exit.Errorf(exit.Mismatch, hint, "the engine %s is for %s, which no release knows", e, f.Machine)
}
