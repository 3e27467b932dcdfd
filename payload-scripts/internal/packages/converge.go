package packages

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/rpm"
)

// Options are how Converge tells what it does.
type Options struct {
	Progress func(rpm.Progress) // called from another goroutine; nil for none
	Warn     func(string) error // of what a person should know and nothing fails for; nil for none
}

// Converge makes the product's packages and their files those of side, whatever
// state they are in, and proves the result. It does nothing when all is right
// and no transaction was cut short.
//
// To New, rpm runs once: a scriptlet that fails is a *rpm.ScriptletError, and the
// caller goes back. To Old, rpm runs a second time, without dependency checks,
// when the first did not get there: the old set is what the host had, so
// whatever does not fit it did not fit before. Other errors are *Error when
// the proof fails, *rpm.BusyError when another package manager does not end, and
// what rpm said. ctx ends the waiting, never rpm.
func (s *Set) Converge(ctx context.Context, side manifest.Side, o Options) error {
	if err := s.validate(); err != nil {
		return err
	}
	wait := s.RPM.WaitFree
	if side == manifest.Old {
		wait = s.RPM.WaitLock
	}
	if err := wait(ctx); err != nil {
		return err
	}
	defer s.remember()()
	cut, err := s.runner().Interrupted()
	if err == nil && cut != "" {
		err = s.RPM.MendIndexes(ctx)
	}
	if err != nil {
		return err
	}
	differs, err := s.check(ctx, side)
	if err != nil {
		return err
	}
	if side == manifest.Old {
		differs = hard(differs) // state is restored from its copy, not by rpm
	}
	// A transaction that was cut short may have left out scriptlets or triggers,
	// which nothing on the host shows.
	again := cut == string(side)
	if again || len(differs) > 0 {
		if cut != "" {
			if err := pause(ctx, rpm.Settle); err != nil {
				return err
			}
			s.changing()
		}
		err = s.transactAndProve(ctx, side, o, differs, again)
	}
	if err == nil && side == manifest.Old {
		err = s.finishOld(ctx, o)
	}
	if err != nil {
		return fmt.Errorf("bring the packages to the %s release: %w", side, err)
	}
	return s.runner().Forget()
}

// finishOld does what is left to do on the old side once its files are proved: it removes
// folders that rpm leaves, does again what the scriptlets left out would have done, and
// tells of what no way back takes away.
func (s *Set) finishOld(ctx context.Context, o Options) error {
	if err := s.saved().RemoveAbsentDirs(); err != nil {
		return err
	}
	began, err := s.runner().Began(string(manifest.New))
	if err != nil || !began {
		return err
	}
	paths, err := s.Paths(manifest.Old)
	if err != nil {
		return err
	}
	var warnings []string
	for _, err := range s.RPM.Refresh(ctx, slices.Collect(maps.Keys(paths))) {
		warnings = append(warnings, err.Error())
	}
	who, err := s.RPM.Owners()
	if err != nil {
		return err
	}
	left, err := s.accounts().New(who.Names())
	if err != nil {
		return err
	}
	if len(left) > 0 {
		warnings = append(warnings, "users and groups that the new packages made stay on the host, as files may belong to them: "+strings.Join(left, ", "))
	}
	for _, text := range warnings {
		if o.Warn == nil {
			slog.Warn(text)
			continue
		}
		if err := o.Warn(text); err != nil {
			return err
		}
	}
	return nil
}

// RemoveFolders removes, on the way back, the folders that the host did not have and that are empty now. Converge has
// done so, but a configuration file that rpm wrote before it was cut short was still in its folder.
func (s *Set) RemoveFolders() error { return s.saved().RemoveAbsentDirs() }

// validate demands what the caller must have set. Had that was never asked for would
// make Converge erase optional packages that the host has.
func (s *Set) validate() error {
	if s.Var == "" {
		return errors.New("converge packages: no folder of an attempt is given")
	}
	for _, p := range s.Manifest.Old {
		if p.Optional && s.Had == nil {
			return errors.New("converge packages: it is not known which optional packages the host had")
		}
	}
	return nil
}

// transactAndProve runs the transactions that are needed and proves the result.
func (s *Set) transactAndProve(ctx context.Context, side manifest.Side, o Options, differs []Difference, again bool) error {
	var first error
	if again || needsRPM(differs) {
		if err := s.Verify(ctx, side); err != nil {
			return err
		}
		if err := s.eraseOtherHelper(ctx, side); err != nil {
			return err
		}
		first = s.transact(ctx, side, o)
		if first != nil && side == manifest.New {
			return first
		}
	}
	left, err := s.settleRest(ctx, side)
	if err == nil && len(left) > 0 && side == manifest.Old {
		slog.Warn("the way back did not end in one transaction; trying without dependency checks", "error", first, "differences", len(left))
		if err = pause(ctx, rpm.Settle); err == nil {
			s.changing()
			first = errors.Join(first, s.transact(ctx, side, o, "--nodeps"))
			left, err = s.settleRest(ctx, side)
		}
	}
	if err != nil {
		return errors.Join(first, err)
	}
	if len(left) > 0 {
		return errors.Join(first, &Error{Side: side, Differences: left})
	}
	return nil
}

// needsRPM reports whether a difference is one that only rpm's transaction puts right.
func needsRPM(differs []Difference) bool {
	for _, d := range differs {
		switch d.Kind {
		case Missing, Version, Duplicate:
			return true
		case File:
			if !d.fromHost {
				return true
			}
		}
	}
	return false
}

// transact runs the transaction to side.
func (s *Set) transact(ctx context.Context, side manifest.Side, o Options, more ...string) error {
	args, err := s.UpgradeArgs(ctx, side)
	if err != nil {
		return err
	}
	if err := s.edited().Forget(); err != nil {
		return err
	}
	err = s.runner().Run(ctx, rpm.Transaction{Name: string(side), Args: append(append([]string{"-v", "--percent"}, more...), args...), Progress: o.Progress})
	s.changing()
	if err != nil || side == manifest.Old {
		return err
	}
	return s.noteEdits(ctx)
}

// settleRest does what is left to do after the transaction: it erases what the
// side does not have, restores the host's own files, removes what rpm left,
// writes all to disk, and returns what still differs.
func (s *Set) settleRest(ctx context.Context, side manifest.Side) ([]Difference, error) {
	if err := s.eraseExtra(ctx, side); err != nil {
		return nil, err
	}
	if side == manifest.Old {
		if err := s.saved().Restore(); err != nil {
			return nil, err
		}
	}
	// A folder can be removed when what it held is.
	for depth := 0; depth < 64; depth++ {
		left, err := s.leftovers(ctx, side)
		if err != nil {
			return nil, err
		}
		if len(left) == 0 {
			break
		}
		if err := s.clean(left); err != nil {
			return nil, err
		}
	}
	if err := s.sync(ctx); err != nil {
		return nil, err
	}
	return s.Check(ctx, side)
}

// eraseOtherHelper erases the other side's helper package when a transaction
// that was cut short left it: it obsoletes what this side is about to install.
func (s *Set) eraseOtherHelper(ctx context.Context, side manifest.Side) error {
	helper, _, err := s.Helper(other(side))
	if err != nil || helper == "" {
		return err
	}
	installed, err := s.Installed(ctx)
	if err != nil || len(installed[helper]) == 0 {
		return err
	}
	return s.erase(ctx, side, []string{helper})
}

func (s *Set) eraseExtra(ctx context.Context, side manifest.Side) error {
	installed, err := s.Installed(ctx)
	if err != nil {
		return err
	}
	wanted, err := s.Wanted(side)
	if err != nil {
		return err
	}
	var names []string
	for _, d := range Differences(wanted, installed) {
		if d.Kind == Extra {
			for _, e := range installed[d.Package] {
				names = append(names, e.NEVRA())
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	return s.erase(ctx, side, names)
}

// sync writes the file systems of the packages' files and of rpm's database to
// disk: rpm before 4.16 does not.
func (s *Set) sync(ctx context.Context) error {
	dbpath, err := s.RPM.DBPath(ctx)
	if err != nil {
		return err
	}
	dirs := map[string]bool{dbpath: true, s.Var: true}
	for _, side := range []manifest.Side{manifest.Old, manifest.New} {
		paths, err := s.Paths(side)
		if err != nil {
			return err
		}
		for p := range paths {
			dirs[s.RPM.Path(filepath.Dir(p))] = true
		}
	}
	all := make([]string, 0, len(dirs))
	for d := range dirs {
		all = append(all, d)
	}
	return host.SyncFS(all...)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
