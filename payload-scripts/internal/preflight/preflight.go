// Package preflight looks at a host before anything is changed and tells all
// that stands in the way of the upgrade, and what the admin should know, in one
// run. It promises to change nothing: what it tries, it tries on a copy in
// memory, which it removes. It works out of an unpacked bundle and in a scriptlet of
// the bundle's own installation.
//
// Every finding has a stable ID; docs/findings.md lists them.
package preflight

import (
	"context"
	"os"
	"sync"

	"onerpm/internal/manifest"
	"onerpm/internal/redact"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/packages"
)

// AlreadyNew is the ID of the one finding about a host that is at the new
// release: there is nothing to do, which is no failure.
const AlreadyNew = "already-there"

// Check is a check that another package makes.
type Check func(ctx context.Context) []finding.Finding

// Need is disk space that something will take on the host.
type Need struct {
	Path  string // where; the nearest folder above that exists decides about the file system
	Bytes int64
	What  string // for people, e.g. "dump of the database manager"
}

// Input is what Run looks at.
type Input struct {
	Manifest *manifest.Manifest
	Dir      string // the bundle's folder, or the attempt's

	EarlyCame bool                                        // an attempt was stopped in prepare: the packages that come early may be there, and what they bring
	Others    []Check                                     // of other packages
	Needs     []func(ctx context.Context) ([]Need, error) // disk space that other packages need
	Root      string                                      // "" is the host itself; for tests
}

// run is one look at a host.
type run struct {
	Input
	set   *packages.Set
	early *packages.Set // that come in prepare; nil for none
	state state
}

// Run makes every check and returns the findings, in an order that does not
// depend on timing. A host at the new release has the one finding AlreadyNew.
func Run(ctx context.Context, in Input) []finding.Finding {
	if os.Geteuid() != 0 {
		return notRoot()
	}
	r := &run{Input: in, set: packages.New(in.Manifest, in.Dir, "", in.Root), early: packages.Early(in.Manifest, in.Dir, "", in.Root)}
	found := r.identify(ctx)
	if r.state == atNew {
		return found
	}
	checks := []Check{
		r.bundle, r.machine, r.runnable, r.busy, r.units, r.ways, r.ownFiles, r.obstacles, r.relocated, r.space,
		r.versionLocks, r.writable,
	}
	checks = append(checks, in.Others...)
	results := make([][]finding.Finding, len(checks))
	var group sync.WaitGroup
	for i, check := range checks {
		group.Go(func() { results[i] = check(ctx) })
	}
	group.Wait()
	for _, more := range results {
		found = append(found, more...)
	}
	for i := range found { // some quote what a program or a server said
		found[i].What = redact.Prose(found[i].What)
	}
	return found
}

// failed is a check that could not be made: what it would have said is not
// known, so the upgrade does not start.
func failed(what string, err error) []finding.Finding {
	return []finding.Finding{{
		ID: "check-failed", Level: finding.Refuse,
		What: "could not " + what + ": " + err.Error(),
		Do:   "remove the cause, then check again",
	}}
}
