package packages

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
	"onerpm/payload-scripts/internal/host"
)

// ProofError says that rpm would not do one of the two ways.
type ProofError struct {
	Side manifest.Side // where the way leads; New also for the test against the host itself
	Said []string      // rpm's problems, or what came out differently, one each
}

func (e *ProofError) Error() string {
	return fmt.Sprintf("the way to the %s release does not work: %s", e.Side, strings.Join(e.Said, "; "))
}

// Prove does both ways, there and back, on a copy of rpm's database with rpm's
// dependency checks on, and demands that each way ends in exactly its set, and that
// no package but the product's changes. Then it lets rpm test the way there
// against the host itself, for conflicts of files and room. It changes nothing and
// leaves nothing behind; it works in a scriptlet too. It demands that the old
// set is installed. Errors are *ProofError, joined, or what kept it from trying.
func (s *Set) Prove(ctx context.Context) error {
	size, err := s.DatabaseSize(ctx)
	if err != nil {
		return err
	}
	dir, err := s.scratch(3*size + 8<<20)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // of memory; gone at the next boot
	db := filepath.Join(dir, "rpmdb")
	if err := s.copyDatabase(ctx, db, plainCopy); err != nil {
		return err
	}
	before, err := all(ctx, []string{"--dbpath", db})
	if err != nil {
		return err
	}
	var problems error
	for _, side := range []manifest.Side{manifest.New, manifest.Old} {
		if problems = s.proveWay(ctx, db, side, before); problems != nil {
			break // the way back from a state that was not reached proves nothing
		}
	}
	return errors.Join(problems, s.test(ctx))
}

// proveWay does one way on the copy. before is what the copy held at first.
func (s *Set) proveWay(ctx context.Context, db string, side manifest.Side, before string) error {
	// Plugins would tell the audit log and others of a transaction that is none.
	global := []string{"--dbpath", db, "--define", "__plugindir /nonexistent"}
	args, err := s.upgradeArgs(side)
	if err != nil {
		return err
	}
	quiet := []string{"--justdb", "--noscripts", "--notriggers"}
	upgrade := append(append(append(append([]string{}, global...), quiet...), "--ignoresize"), args...)
	if said, err := problems(ctx, upgrade); err != nil || len(said) > 0 {
		return errors.Join(err, proofError(side, said))
	}
	helper, _, err := s.helper(side)
	if err != nil {
		return err
	}
	if helper != "" {
		erase := append(append(append([]string{}, global...), quiet...), "-e", "--", helper)
		if said, err := problems(ctx, erase); err != nil || len(said) > 0 {
			return errors.Join(err, proofError(side, said))
		}
	}
	return s.proveSet(ctx, db, side, before)
}

func (s *Set) proveSet(ctx context.Context, db string, side manifest.Side, before string) error {
	names, err := s.names()
	if err != nil {
		return err
	}
	installed, err := ask(ctx, []string{"--dbpath", db}, names)
	if err != nil {
		return err
	}
	differs, err := s.compare(side, installed)
	if err != nil {
		return err
	}
	var said []string
	for _, d := range differs {
		said = append(said, d.String())
	}
	after, err := all(ctx, []string{"--dbpath", db})
	if err != nil {
		return err
	}
	gone, come := lacking(before, after, names), lacking(after, before, names)
	for _, p := range gone {
		said = append(said, p+" would be taken away, which is no package of the product")
	}
	for _, p := range come {
		said = append(said, p+" would be installed, which is no package of the product")
	}
	return proofError(side, said)
}

// lacking returns the lines of a that b lacks, but for packages with one of the names.
func lacking(a, b string, names []string) []string {
	has := map[string]bool{}
	for _, line := range strings.Split(b, "\n") {
		has[line] = true
	}
	var found []string
	for _, line := range strings.Split(a, "\n") {
		if !has[line] && !named(line, names) {
			found = append(found, line)
		}
	}
	return found
}

// named reports whether a line is a package of one of the names, which are sorted.
func named(line string, names []string) bool {
	id, err := nevra.Parse(line)
	_, found := slices.BinarySearch(names, id.Name)
	return err == nil && found
}

func proofError(side manifest.Side, said []string) error {
	if len(said) == 0 {
		return nil
	}
	return &ProofError{Side: side, Said: said}
}

// test lets rpm try the way there against the host itself.
func (s *Set) test(ctx context.Context) error {
	args, err := s.upgradeArgs(manifest.New)
	if err != nil {
		return err
	}
	said, err := problems(ctx, append(append(s.rpm(), "--test"), args...))
	if err != nil || len(said) > 0 {
		return errors.Join(err, proofError(manifest.New, said))
	}
	return nil
}

// problems runs rpm where it can change nothing on the host, and returns what
// it complains of, one each. err is set when rpm did not get that far.
func problems(ctx context.Context, args []string) ([]string, error) {
	res, err := host.Run(ctx, host.Cmd{Name: "rpm", Args: args, Timeout: 10 * queryTimeout})
	if err == nil {
		return nil, nil
	}
	if exit := (*host.ExitError)(nil); !errors.As(err, &exit) || res.Code < 0 {
		return nil, fmt.Errorf("try the packages: %w", err)
	}
	var said []string
	for _, line := range strings.Split(res.Stderr, "\n") {
		line = strings.TrimSpace(line)
		// "error: Failed dependencies:" is a heading of the lines after it.
		if line == "" || strings.HasPrefix(line, "warning:") || strings.HasSuffix(line, ":") || strings.HasPrefix(line, "rpm: ") {
			continue
		}
		said = append(said, strings.TrimPrefix(line, "error: "))
	}
	if len(said) == 0 {
		return nil, fmt.Errorf("try the packages: %w", err)
	}
	return said, nil
}
