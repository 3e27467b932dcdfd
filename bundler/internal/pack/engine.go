package pack

import (
	"debug/elf"
	"fmt"

	"onerpm/bundler/internal/exit"
)

// CheckEngine refuses a file that cannot be the engine, as Assemble does.
func CheckEngine(engine string) error {
	_, err := archOf(engine)
	return err
}

// archOf returns rpm's name for the architecture of the engine, which must be a
// Linux program that needs no library of the host.
func archOf(engine string) (string, error) {
	const hint = "make engine builds it"
	f, err := elf.Open(engine)
	if err != nil {
		return "", exit.With(exit.Missing, fmt.Errorf("read the engine %s: %w", engine, err), hint)
	}
	defer f.Close() //nolint:errcheck // only read
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return "", exit.Errorf(exit.Mismatch, hint, "the engine %s needs libraries of the host it runs on; build it with CGO_ENABLED=0", engine)
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
