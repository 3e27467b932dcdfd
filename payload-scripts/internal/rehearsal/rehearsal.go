// Package rehearsal goes through an upgrade on the customer's own machine and data
// without upgrading it: the database's dump is restored into a server of its own and
// migrated there and back, the configuration is merged into a folder, rpm installs
// into an empty root, the state is saved. It promises that nothing which serves is touched, and that
// nothing is left, after a kill at the latest when the next one begins.
//
// Its figures add up to the window to expect. What could not be tried without
// touching the product is taken from what systemd remembers, or said to be assumed.
package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
	"onerpm/internal/redact"
	"onerpm/payload-scripts/internal/estimate"
	"onerpm/payload-scripts/internal/files"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/hostcheck"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/proof"
	"onerpm/payload-scripts/internal/service"
)

// How a part's figure came about.
const (
	Measured   = "measured"   // tried just now
	Remembered = "remembered" // by systemd, of the last time
	Assumed    = "assumed"    // it cannot be tried without touching what serves
)

// Assumed figures.
const (
	marks   = time.Second            // window marks, and systemd's reload of its units, twice
	answers = 500 * time.Millisecond // from a unit's start to the first answer to its health question
)

// Part is a share of the window.
type Part struct {
	Name  string            `json:"name"`
	Takes manifest.Duration `json:"takes"`
	How   string            `json:"how"`
}

// Database is how a database's migrations went on the copy.
type Database struct {
	Name   string            `json:"name"`
	Rows   int64             `json:"rows"` // of all tables together
	Copy   manifest.Duration `json:"copy"`
	Expand manifest.Duration `json:"expand"` // while the product serves
	Switch manifest.Duration `json:"switch"` // in the window
	Back   manifest.Duration `json:"back"`   // all of it taken back
}

// Report is how the rehearsal went.
type Report struct {
	Product   string             `json:"product"`
	From      string             `json:"from"`
	To        string             `json:"to"`
	Began     time.Time          `json:"began"`
	Took      manifest.Duration  `json:"took"`
	Findings  []finding.Finding  `json:"findings"`  // of the check
	Problems  []string           `json:"problems"`  // what would make the upgrade go back; empty is good
	Untried   []string           `json:"untried"`   // what could not be rehearsed here, and why; the window is without it
	Databases []Database         `json:"databases"` // those that could be copied
	Stores    []Store            `json:"stores"`    // those that could be copied
	Changes   []files.FileChange `json:"changes"`   // in configuration files
	Parts     []Part             `json:"parts"`     // of the window, in order
	Prepare   manifest.Duration  `json:"prepare"`   // before the window, as far as it could be tried: check, saves, dumps, expand migrations, first copies
	Window    manifest.Duration  `json:"window"`    // the sum of the parts; meaningless with problems
	Limit     manifest.Duration  `json:"limit"`     // the bundle's
}

// Ready reports whether the upgrade would be let in and would reach its end.
func (r *Report) Ready() bool {
	for _, f := range r.Findings {
		if f.Level == finding.Refuse {
			return false
		}
	}
	return len(r.Problems) == 0
}

// Keep writes what the rehearsal expects of the times of the upgrade, for its status. Of one that could not try all of it,
// or that says that the upgrade would go back, nothing is kept.
func (r *Report) Keep(path string, revision int) error {
	if !r.Ready() || len(r.Untried) > 0 {
		return nil
	}
	return estimate.Write(path, estimate.Estimate{To: r.To, Revision: revision, At: r.Began, Prepare: r.Prepare, Window: r.Window})
}

// ErrBusy is returned when another rehearsal is at work.
var ErrBusy = errors.New("another rehearsal is at work")

type run struct {
	bundle *layout.Bundle
	dir    string
	tell   func(string)
	report *Report
}

// Run rehearses the bundle's upgrade in folder, which is made, and removed at the
// end. tell is told what is being done. What is wrong with the upgrade is in the
// report; the error is about the rehearsal itself.
func Run(ctx context.Context, b *layout.Bundle, folder string, findings []finding.Finding, tell func(string)) (r *Report, err error) {
	m := b.Manifest
	began := time.Now()
	if findings == nil {
		findings = []finding.Finding{}
	}
	r = &Report{Product: m.Product, From: m.From, To: m.To, Began: began.UTC(), Findings: findings, Limit: m.Limits.Window,
		Problems: []string{}, Untried: []string{}, Databases: []Database{}, Stores: []Store{}, Changes: []files.FileChange{}, Parts: []Part{}}
	lock, err := open(folder)
	if err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, remove(folder))
		_ = lock.Unlock() // the file is gone with the folder
		r.Took = manifest.Duration(time.Since(began))
	}()
	u := &run{bundle: b, dir: folder, tell: tell, report: r}
	for _, work := range []func(context.Context) error{u.configuration, u.stops, u.saveState, u.packages, u.databases, u.starts} {
		if err := work(ctx); err != nil {
			return r, err
		}
	}
	for _, p := range r.Parts {
		r.Window += p.Takes
	}
	return r, nil
}

// open makes the folder, without what a killed rehearsal left in it, and locks it. What is behind a link is not emptied: it
// need not be ours.
func open(folder string) (*flock.Flock, error) {
	if isLink(folder) {
		return nil, fmt.Errorf("%s is a symbolic link, and all that is behind it would be removed; mount a file system there instead (a bind mount does too)", folder)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder for the rehearsal: %w", err)
	}
	lock := flock.New(filepath.Join(folder, "lock"))
	mine, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", folder, err)
	}
	if !mine {
		return nil, ErrBusy
	}
	left, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, e := range left {
		if e.Name() != "lock" {
			if err := os.RemoveAll(filepath.Join(folder, e.Name())); err != nil {
				return nil, fmt.Errorf("remove what an earlier rehearsal left: %w", err)
			}
		}
	}
	return lock, nil
}

// Sweep removes what a killed rehearsal left in folder, unless one is at work.
func Sweep(folder string) error {
	if _, err := os.Lstat(folder); errors.Is(err, os.ErrNotExist) || isLink(folder) {
		return nil // behind a link no rehearsal was
	}
	lock, err := open(folder)
	if errors.Is(err, ErrBusy) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Unlock() //nolint:errcheck // the file is gone with the folder
	return remove(folder)
}

// remove removes the folder; of one that is a file system of its own all that is in it.
func remove(folder string) error {
	err := os.RemoveAll(folder)
	if left, reading := os.ReadDir(folder); errors.Is(err, unix.EBUSY) && reading == nil && len(left) == 0 {
		return nil
	}
	return err
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().Type() == os.ModeSymlink
}

func (u *run) part(name string, takes time.Duration, how string) {
	u.report.Parts = append(u.report.Parts, Part{name, manifest.Duration(takes), how})
}

// before adds to what comes before the window.
func (u *run) before(takes time.Duration) { u.report.Prepare += manifest.Duration(takes) }

func (u *run) problem(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	err = withoutRoom(err)
	text := redact.Prose(err.Error())
	if untried := (*untriedError)(nil); errors.As(err, &untried) {
		u.report.Untried = append(u.report.Untried, text)
		return nil
	}
	u.report.Problems = append(u.report.Problems, text)
	return nil
}

// configuration merges the host's files as the upgrade would.
func (u *run) configuration(ctx context.Context) error {
	u.tell("merge the configuration")
	dir := filepath.Join(u.dir, "files")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	changes, err := hostcheck.Merge(ctx, u.bundle, dir)
	if err != nil {
		return u.problem(ctx, err)
	}
	u.report.Changes = changes
	return nil
}

func (u *run) services(ctx context.Context) ([]service.Times, error) {
	s, err := service.Connect(ctx, u.bundle.Manifest, u.bundle.Places())
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Times(ctx)
}

func (u *run) stops(ctx context.Context) error {
	times, err := u.services(ctx)
	if err != nil {
		return err
	}
	var sum time.Duration
	for _, t := range times {
		sum += t.Stop
	}
	u.part("marks and systemd's reloads", marks, Assumed)
	u.part("stop the services", sum, Remembered)
	return nil
}

// starts adds up what comes after the migrations.
func (u *run) starts(ctx context.Context) error {
	times, err := u.services(ctx)
	if err != nil {
		return err
	}
	var sum, asked time.Duration
	for _, t := range times {
		sum += t.Start
	}
	units := u.bundle.Manifest.Services
	for _, s := range units {
		if s.Health != nil && s.Only != manifest.Old {
			asked += answers
		}
	}
	u.part("start the services", sum, Remembered)
	u.part("until they answer", asked, Assumed)
	u.part("units without a question stay up", service.Settle(units, manifest.New), Measured)
	return nil
}

// packages times rpm in a root of its own. That both ways work was proved by the check.
func (u *run) packages(ctx context.Context) error {
	u.tell("install the packages into an empty root")
	m := u.bundle.Manifest
	set := packages.New(m, u.bundle.Dir, "", "")
	var err error
	if set.Had, err = set.Optional(ctx); err != nil {
		return err
	}
	var need int64
	for _, p := range m.New {
		if p.File != "" {
			need += p.Installed
		}
	}
	early := packages.Early(m, u.bundle.Dir, "", "")
	for _, s := range []*packages.Set{set, early} {
		if s == nil {
			continue
		}
		rebuilt, err := s.RebuiltSize(manifest.New)
		if err != nil {
			return err
		}
		need += rebuilt
	}
	if err := u.requireSpace(need, "the packages"); err != nil {
		return u.problem(ctx, err)
	}
	took, err := proof.Ways{Early: early, Main: set}.Rehearse(ctx, u.dir)
	if err != nil {
		return u.problem(ctx, slow(err))
	}
	u.part("packages, but for scriptlets", took, Measured)
	return nil
}
