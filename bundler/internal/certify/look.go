package certify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/picture"
	"onerpm/internal/manifest"
)

// state is what a machine holds at one moment.
type state struct {
	machine   picture.Picture
	databases map[string]contents // by their names in the manifest
	documents map[string]table    // of the old release: "<store> <index>/<type>" -> its documents
}

// readState reads what the machine, which serves a side's release, holds.
func (r *run) readState(ctx context.Context, side manifest.Side) (state, error) {
	s := state{databases: map[string]contents{}, documents: map[string]table{}}
	var err error
	if s.machine, err = r.lookMachine(ctx); err != nil {
		return s, err
	}
	for _, db := range r.databases(side) {
		a, err := r.address(ctx, db)
		if err != nil {
			return s, err
		}
		if s.databases[db.Name], err = r.lookDatabase(ctx, db, a); err != nil {
			return s, fmt.Errorf("look at database %s: %w", db.Name, err)
		}
	}
	if side == manifest.New {
		return s, nil
	}
	return s, r.lookDocuments(ctx, &s)
}

// maxPicture bounds a machine's picture, in bytes. A file takes some 120: there may be two million. Pictures stay in memory.
const maxPicture = 256 << 20

// lookMachine takes a picture of the machine.
func (r *run) lookMachine(ctx context.Context) (picture.Picture, error) {
	machine := r.machine
	machine.most = cmp.Or(machine.most, maxPicture)
	out, err := machine.must(ctx, "look at the machine", cmp.Or(machine.picture, picture.Script(r.m)))
	if errors.Is(err, errFull) {
		err = exit.With(exit.Machine, fmt.Errorf("%w: it has too many files to compare them", err), "certify on a machine with fewer files")
	}
	if err != nil {
		return nil, notReady(err)
	}
	return picture.Parse(out, time.Now()), nil
}

// mergedFiles reads the digests of what the last upgrade made of configuration files.
func (r *run) mergedFiles(ctx context.Context) (picture.Report, error) {
	report := picture.Report{Did: map[string]string{}, Merged: map[string]string{}}
	for _, c := range r.upgraded.Changes {
		report.Did[c.Target] = c.Did
	}
	folder := "/var/lib/" + r.m.Prefix + "/" + r.upgraded.ID + "/backup/config/new"
	out, err := r.machine.look(ctx, "read what the upgrade made of configuration",
		"[ ! -d "+quote(folder)+" ] || { cd "+quote(folder)+" && find . -type f -exec sha256sum {} +; }")
	for line := range strings.Lines(out) {
		if sum, path, ok := strings.Cut(strings.TrimSpace(line), "  ."); ok {
			report.Merged[path] = sum
		}
	}
	return report, err
}
