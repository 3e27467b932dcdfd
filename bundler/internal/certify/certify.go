// Package certify tries a bundle on real machines before a customer does, and says in a
// signed statement how it did.
//
// A machine of the old release is taken through scenarios: an upgrade as a customer does it, one
// that is killed, one that fails, one that must be refused, one while questions and writes come
// all the time, one with clients that never ask twice, one that is called back, one that was made
// already, and one with agents that fail and vanish. Each ends in checks of what the machine then is: packages, files, units, health
// questions, schema and rows, and what the product itself checks. All that is known of the product
// comes from the bundle's manifest and from files of the project.
//
// It promises that a certificate names the bytes that were tried, the platform that they were
// tried on and every scenario's outcome, good or bad; that a bundle whose certificate verifies
// passed all of them; that every wait is bounded; that a machine that is not ready, does not answer or
// breaks is an error and no certificate; and that a machine is left as its owner says, also
// when it is interrupted. Whoever holds the key decides what is certified; machines are trusted to
// tell what they are, and stores and networks are not trusted.
package certify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/picture"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/version"
	"onerpm/internal/manifest"
)

// Options say what is certified, and where.
type Options struct {
	Bundle   string // path
	SHA256   string // of the bundle that is certified; what is sent to a machine must be that
	Manifest *manifest.Manifest
	Platform string // as a release names it
	Machines Machines
	Checks   Checks
	LeaveOut []release.LeftOut                       // what the spec has not compared
	Limits   Limits                                  // that the spec has besides the manifest's
	Only     []string                                // scenarios, nil for all
	Limit    time.Duration                           // of one scenario, the making of its machine excepted
	Tell     func(scenario, format string, a ...any) // what is being done, for people; may be called from several goroutines
}

// Machines gives machines that are the old release.
type Machines interface {
	// Ready returns a machine that nothing else uses. The function gives it back; interrupted tells
	// that the scenario did not come to its end. It must be called, and is bounded itself.
	Ready(ctx context.Context) (Machine, func(interrupted bool) error, error)
	// AtOnce is how many may be used at a time.
	AtOnce() int
}

// CheckOnly says which of the names is no scenario.
func CheckOnly(only []string) error {
	for _, name := range only {
		if !slices.Contains(Names(), name) {
			return exit.Errorf(exit.Usage, fmt.Sprintf("choose one of the scenarios: %v", Names()), "there is no scenario %q", name)
		}
	}
	return nil
}

// Run takes machines through the scenarios. A scenario that fails is no error: the certificate says so.
// An error means that it is not known how the bundle does, and then there is no certificate.
func Run(ctx context.Context, o Options) (Certificate, error) {
	c := Certificate{From: o.Manifest.From, To: o.Manifest.To, Platform: o.Platform, Outcome: Passed, Checks: o.Checks.list(),
		LeftOut: picture.NewLeftOut(o.Manifest.Prefix, o.LeaveOut, "").List(),
		Started: now(), Engine: engineOf(o.Manifest), Tool: "bundler " + version.Number()}
	todo, err := o.scenarios()
	if err != nil {
		return c, err
	}
	done := make([]Scenario, len(todo))
	facts := make([]Facts, len(todo))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, o.Machines.AtOnce()))
	for i, s := range todo {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			var err error
			done[i], facts[i], err = o.runScenario(ctx, s)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return c, err
	}
	c.Scenarios, c.Ended = done, now()
	for i, s := range done {
		if s.Outcome != Passed {
			c.Outcome = Failed
		}
		if err := c.Machine.merge(facts[i]); err != nil {
			return c, fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return c, nil
}

// scenarios are those that are to be run. One that was asked for by its name and does not go with the bundle is an error.
func (o Options) scenarios() (todo []scenario, err error) {
	for _, s := range scenarios {
		asked := slices.Contains(o.Only, s.name)
		if !asked && len(o.Only) > 0 {
			continue
		}
		if s.unfit != nil {
			if err := s.unfit(o); err != nil {
				if asked {
					return nil, err
				}
				if exit.Code(err) != exit.Usage { // something could be done about it
					o.Tell(s.name, "not tried: %v", err)
				}
				continue
			}
		}
		todo = append(todo, s)
	}
	return todo, nil
}

// runScenario runs one scenario on a machine of its own.
func (o Options) runScenario(ctx context.Context, s scenario) (_ Scenario, _ Facts, err error) {
	o.Tell(s.name, "making a machine of %s ready", o.Manifest.From)
	machine, giveBack, err := o.Machines.Ready(ctx)
	if err != nil && ctx.Err() != nil {
		return Scenario{}, Facts{}, context.Cause(ctx)
	}
	if err != nil {
		return Scenario{}, Facts{}, fmt.Errorf("%s: make a machine of %s ready: %w", s.name, o.Manifest.From, notReady(err))
	}
	ctx, machine.lost = context.WithCancelCause(ctx)
	defer machine.lost(nil)
	r := &run{machine: machine, m: o.Manifest, file: o.Bundle, sum: o.SHA256, checks: o.Checks,
		leaveOut: o.LeaveOut, limits: o.limits()}
	interrupted := true
	defer func() {
		if interrupted && machine.once {
			r.tidy(ctx)
		}
		switch failed := giveBack(interrupted); {
		case failed != nil && err != nil:
			o.Tell(s.name, "give the machine back: %v", failed)
		case failed != nil:
			err = fmt.Errorf("%s: give the machine back: %w", s.name, notReady(failed))
		}
	}()
	o.Tell(s.name, "%s", s.what)
	started := time.Now()
	failed := r.try(ctx, o, s)
	if cause := context.Cause(ctx); cause != nil && (exit.Code(cause) != exit.Machine || !errors.Is(failed, cause)) {
		failed = cause // a broken machine looks like many things
	}
	if ctx.Err() != nil || failed != nil && exit.Code(failed) != exit.Failed { // nothing is known of the bundle
		return Scenario{}, Facts{}, fmt.Errorf("%s: %w", s.name, failed)
	}
	interrupted = false
	sc := Scenario{Name: s.name, Outcome: Passed, Seconds: seconds(time.Since(started).Seconds()), Limit: o.Manifest.Limits.Window.D().Seconds(),
		Window: seconds(r.upgraded.Window.D().Seconds()), Measured: r.upgraded.Measured, Untried: r.untried, Load: r.load,
		Back: r.back, Clients: r.clients}
	if slow := r.slow.err(); slow != nil {
		failed = errors.Join(failed, slow)
	}
	if failed != nil {
		sc.Outcome, sc.Reason = Failed, bounded(failed.Error())
		o.Tell(s.name, "%s: %s\n%s", Failed, sc.Reason, r.logs(ctx))
	} else {
		o.Tell(s.name, "%s in %.1f s", Passed, sc.Seconds)
		if sc.Untried != "" {
			o.Tell(s.name, "%s; the certificate says so", sc.Untried)
		}
	}
	return sc, r.facts, nil
}

// errLimit is why a scenario that took too long was ended.
var errLimit = errors.New("it took longer than it may")

func (r *run) try(ctx context.Context, o Options, s scenario) error {
	ctx, cancel := context.WithTimeoutCause(ctx, o.Limit, fmt.Errorf("%w: %s", errLimit, o.Limit))
	defer cancel()
	if err := r.begin(ctx, o.Platform); err != nil {
		return notReady(err)
	}
	return s.try(ctx, r)
}

// logsLimit bounds the reading of a failed upgrade's log.
const logsLimit = 30 * time.Second

// logs are the last lines of the upgrade's log, for the person who looks for the cause.
func (r *run) logs(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, logsLimit)
	defer cancel()
	got, err := r.machine.sh(ctx, r.m.Prefix+" log --lines 15")
	if err != nil || got.code != 0 {
		return "there is no log of the upgrade"
	}
	return "the end of the upgrade's log:\n" + got.out
}

// maxReason bounds a reason in a certificate, in bytes.
const maxReason = 8 << 10

func bounded(s string) string {
	if len(s) > maxReason {
		return s[:maxReason] + "..."
	}
	return s
}

func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

func engineOf(m *manifest.Manifest) string {
	for _, f := range m.Files {
		if f.Path == "bin/engine" {
			return f.SHA256
		}
	}
	return ""
}
