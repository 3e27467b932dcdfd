package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/fetch"
	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/strictyaml"
)

// LockOptions are what lock is asked.
type LockOptions struct {
	Project string
	Release string
	Update  bool // also components that have a digest already
	Source  SourceOptions
	JSON    bool
}

func lockCommand(s *streams) *cli.Command {
	var o LockOptions
	flags := []cli.Flag{
		&cli.BoolFlag{Name: "update", Usage: "read all components anew, also those that have a digest", Destination: &o.Update},
		jsonFlag(&o.JSON),
	}
	return &cli.Command{
		Name:      "lock",
		Usage:     "pin the components of a release: fill in their digests and sizes",
		ArgsUsage: "RELEASE",
		Description: "Reads the components that have no digest yet, and writes sha256 and size into the\n" +
			"release's file. Comments, order and everything else in it stay as they are.",
		Flags:  append(flags, sourceFlags(&o.Source)...),
		Action: inProjectWith(&o.Project, &o.Release, func(c *cli.Context) error { return runLock(c.Context, s, o) }),
	}
}

// lockResult is one component, as lock tells programs.
type lockResult struct {
	Name   string `json:"name"`
	EVR    string `json:"evr"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"` // bytes
	State  string `json:"state"`
}

// The states of a lockResult.
const (
	lockKept    = "kept"    // it had a digest, and was not read
	lockSame    = "same"    // it was read, and is what it was
	lockFilled  = "filled"  // it had none
	lockChanged = "changed" // it had another one
)

func runLock(ctx context.Context, s *streams, o LockOptions) error {
	cat, file, err := release.LoadRelease(o.Project, o.Release)
	if err != nil {
		return err
	}
	rel := cat.Releases[0]
	var places []int // of the components that are read
	var items []plan.Item
	for i, c := range rel.Components {
		if c.SHA256 == "" || o.Update {
			it := plan.ItemOf(cat, rel, c)
			it.SHA256, it.Size = "", 0
			places, items = append(places, i), append(items, it)
		}
	}
	var files []fetch.File
	if len(items) > 0 {
		if files, err = fetchItems(ctx, s, cat, items, o.Source, nil); err != nil {
			return err
		}
	}
	results := make([]lockResult, len(rel.Components))
	for i, c := range rel.Components {
		results[i] = lockResult{c.Name, c.EVR, c.SHA256, c.Size, lockKept}
	}
	var changes []strictyaml.Change
	for n, i := range places {
		r, got := &results[i], files[n].Item
		switch {
		case r.SHA256 == "":
			r.State = lockFilled
		case r.SHA256 != got.SHA256 || r.Size != got.Size:
			r.State = lockChanged
		default:
			r.State = lockSame
			continue
		}
		r.SHA256, r.Size = got.SHA256, got.Size
		at := []any{"components", i}
		changes = append(changes,
			strictyaml.Change{Path: at, Key: "sha256", Value: got.SHA256, After: []string{"arch", "evr", "name"}},
			strictyaml.Change{Path: at, Key: "size", Value: strconv.FormatInt(got.Size, 10), After: []string{"sha256", "arch", "evr", "name"}})
	}
	if err := edit(file, changes); err != nil {
		return err
	}
	if o.JSON {
		return s.printJSON(results)
	}
	rows := [][]string{{"COMPONENT", "EVR", "SIZE", "SHA256", ""}}
	for _, r := range results {
		rows = append(rows, []string{r.Name, r.EVR, fmt.Sprint(r.Size), r.SHA256, r.State})
	}
	return s.print(table("", rows))
}

// edit changes the text of a release's file, durably and as one step: a reader, and
// a person after a power cut, has the old file or the new one. It refuses to
// overwrite what somebody else wrote in the meantime.
func edit(file *release.File, changes []strictyaml.Change) error {
	if len(changes) == 0 {
		return nil
	}
	text, err := file.Doc.Edit(file.Source, changes)
	if err != nil {
		return exit.With(exit.Spec, err, "write each key and its value on one line")
	}
	if now, err := os.ReadFile(file.Path); err != nil || !bytes.Equal(now, file.Source) {
		return exit.Errorf(exit.Output, "run the same command again", "%s was changed meanwhile", file.Path)
	}
	path, err := filepath.EvalSymlinks(file.Path) // a link stays a link
	if err != nil {
		return exit.With(exit.Output, err, "")
	}
	return exit.With(exit.Output, replace(path, text), "make room, or make "+filepath.Dir(file.Path)+" writable")
}

func replace(path string, text []byte) (err error) {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".lock-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(text); err != nil {
		return err
	}
	if err = f.Chmod(info.Mode().Perm()); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // read only
	return dir.Sync()
}
