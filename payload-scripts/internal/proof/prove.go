// Package proof tries the packages of a jump without touching the host: both ways on a copy of rpm's
// database, and the way there in an empty root, for its time.
package proof

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
	"onerpm/payload-scripts/internal/memory"
	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/rpm"
)

// Ways are the transactions of a jump: those of the window, and before and after it what comes early
// and goes late, nil for nothing.
type Ways struct{ Early, Main, Late *packages.Set }

// Error says that rpm would not do one of the two ways.
type Error struct {
	Side manifest.Side // where the way leads; New also for the test against the host itself
	Said []string      // rpm's problems, or what came out differently, one each
}

func (e *Error) Error() string {
	return fmt.Sprintf("the way to the %s release does not work: %s", e.Side, strings.Join(e.Said, "; "))
}

// Prove does both ways, there and back, on a copy of rpm's database with rpm's
// dependency checks on, and demands that each way ends in exactly its set, and that
// no package but the product's changes. Then it lets rpm test the way there
// against the host itself, for conflicts of files and room. What comes early and goes late
// is tried at its place: the early packages beside the old set, also that they can be
// erased there, and with the new set in place that the late ones can. It changes nothing and
// leaves nothing behind; it works in a scriptlet too. It demands that the old
// set is installed; the early packages may be. Errors are *Error, joined, or what kept it from trying.
func (w Ways) Prove(ctx context.Context) error {
	size, err := w.Main.RPM.DatabaseSize(ctx)
	if err != nil {
		return err
	}
	dir, err := memory.Folder(w.Main.Manifest.Prefix+"-proof-", 3*size+8<<20)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // of memory; gone at the next boot
	db := filepath.Join(dir, "rpmdb")
	if err := w.Main.RPM.Copy(ctx, db); err != nil {
		return err
	}
	problems := []error{w.onCopy(ctx, db)}
	for _, trial := range []struct{ set, early *packages.Set }{{w.Early, nil}, {w.Main, w.Early}} {
		if trial.set == nil {
			continue
		}
		args, err := withEarly(ctx, trial.set, trial.early, (*packages.Set).TrialArgs, (*packages.Set).HeadPath)
		if err != nil {
			return errors.Join(append(problems, err)...)
		}
		said, err := w.Main.RPM.Test(ctx, args)
		problems = append(problems, err, proofError(manifest.New, said))
	}
	return errors.Join(problems...)
}

// onCopy does everything on the copy, as far as it goes: a way from a state that was not
// reached proves nothing.
func (w Ways) onCopy(ctx context.Context, db string) error {
	before, err := rpm.DBAt(db).All(ctx)
	if err != nil {
		return err
	}
	if w.Early != nil {
		if err := proveTransaction(ctx, w.Early, db, manifest.New, before); err != nil {
			return err
		}
		if err := erasable(ctx, w.Early, db, manifest.New, manifest.Old); err != nil {
			return err
		}
		if before, err = rpm.DBAt(db).All(ctx); err != nil {
			return err
		}
	}
	if err := proveTransaction(ctx, w.Main, db, manifest.New, before); err != nil {
		return err
	}
	if w.Late != nil {
		if err := erasable(ctx, w.Late, db, manifest.Old, manifest.New); err != nil {
			return err
		}
	}
	return proveTransaction(ctx, w.Main, db, manifest.Old, before)
}

// withEarly returns the arguments of a trial of the way there in which the early packages, nil
// for none, are not installed before but with the others. argsOf and path are TrialArgs and HeadPath, or UpgradeArgs and Path where files are
// installed.
func withEarly(ctx context.Context, s, early *packages.Set,
	argsOf func(*packages.Set, context.Context, manifest.Side) ([]string, error), path func(*packages.Set, string) string,
) ([]string, error) {
	args, err := argsOf(s, ctx, manifest.New)
	if err != nil || early == nil {
		return args, err
	}
	files, err := early.RPMs(manifest.New)
	for _, f := range files {
		args = append(args, path(early, f))
	}
	return args, err
}

// proveTransaction runs the transaction to a side on the copy of rpm's database. before is what the copy held at first.
func proveTransaction(ctx context.Context, s *packages.Set, db string, side manifest.Side, before []string) error {
	args, err := s.TrialArgs(ctx, side)
	if err != nil {
		return err
	}
	if said, err := rpm.Try(ctx, db, append([]string{"--ignoresize"}, args...)); err != nil || len(said) > 0 {
		return errors.Join(err, proofError(side, said))
	}
	helper, _, err := s.Helper(side)
	if err != nil {
		return err
	}
	if helper != "" {
		if said, err := rpm.Try(ctx, db, []string{"-e", "--", helper}); err != nil || len(said) > 0 {
			return errors.Join(err, proofError(side, said))
		}
	}
	return proveSet(ctx, s, db, side, before)
}

func proveSet(ctx context.Context, s *packages.Set, db string, side manifest.Side, before []string) error {
	names, err := s.Names()
	if err != nil {
		return err
	}
	installed, err := rpm.DBAt(db).Installed(ctx, names)
	if err != nil {
		return err
	}
	wanted, err := s.Wanted(side)
	if err != nil {
		return err
	}
	var said []string
	for _, d := range packages.Differences(wanted, installed) {
		said = append(said, d.String())
	}
	after, err := rpm.DBAt(db).All(ctx)
	if err != nil {
		return err
	}
	gone, come := missingLines(before, after, names), missingLines(after, before, names)
	for _, p := range gone {
		said = append(said, p+" would be taken away, which is no package of the product")
	}
	for _, p := range come {
		said = append(said, p+" would be installed, which is no package of the product")
	}
	return proofError(side, said)
}

// erasable asks rpm, of a copy of its database, whether the packages of a side can be erased. way is where that
// leads.
func erasable(ctx context.Context, s *packages.Set, db string, side, way manifest.Side) error {
	wanted, err := s.Wanted(side)
	if err != nil {
		return err
	}
	names := make([]string, len(wanted))
	for i, p := range wanted {
		names[i] = p.Name
	}
	installed, err := rpm.DBAt(db).Installed(ctx, names)
	if err != nil {
		return err
	}
	if len(installed) == 0 {
		return nil
	}
	said, err := rpm.Try(ctx, db, append([]string{"-e", "--test", "--"}, slices.Sorted(maps.Keys(installed))...))
	if err != nil {
		return err
	}
	return proofError(way, said)
}

// missingLines returns the lines of a that are not in b, but for packages with one of the names.
func missingLines(a, b, names []string) []string {
	has := map[string]bool{}
	for _, line := range b {
		has[line] = true
	}
	var found []string
	for _, line := range a {
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
	return &Error{Side: side, Said: said}
}
