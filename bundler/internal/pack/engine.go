package pack

import (
	"debug/elf"
	"fmt"
	"slices"
	"strings"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/release"
)

// CheckEngine refuses a file that cannot be the engine, as Assemble does, and one that runs on
// no platform of a release.
func CheckEngine(engine string, releases ...*release.Release) error {
	arch, err := archOf(engine)
	if err != nil {
		return err
	}
	for _, r := range releases {
		runs := func(platform string) bool { return strings.HasSuffix(platform, "."+arch) }
		if !slices.ContainsFunc(r.Platforms, runs) {
			return exit.Errorf(exit.Mismatch, "build the engine for the release's machines with GOARCH, or correct platforms in versions/"+r.Version+".yaml",
				"the engine %s is for %s, and release %s runs on %s", engine, arch, r.Version, strings.Join(r.Platforms, ", "))
		}
	}
	return nil
}

// archOf returns rpm's name for the architecture of the engine, which must be a
// Linux program that needs no library of the host.
func archOf(engine string) (string, error) {
	const hint = "run make engine"
	f, err := elf.Open(engine)
	if err != nil {
		return "", exit.With(exit.Missing, fmt.Errorf("read the engine %s: %w", engine, err), hint)
	}
	defer f.Close() //nolint:errcheck // only read
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return "", exit.Errorf(exit.Mismatch, hint, "the engine %s needs libraries of the host it runs on: it was not built with CGO_ENABLED=0", engine)
		}
	}
	switch f.Machine {
	case elf.EM_X86_64:
		return "x86_64", nil
	case elf.EM_AARCH64:
		return "aarch64", nil
	}
	return "", exit.Errorf(exit.Mismatch, hint, "the engine %s is for %s, which no release knows", engine, f.Machine)
}
