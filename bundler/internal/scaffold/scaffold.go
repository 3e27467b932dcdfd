// Package scaffold writes the first version of a jump, and of its releases, from
// nothing but the RPMs of both: what can be derived is there, what the jump before
// decided is carried over, and what is left to a person stands in its place as a
// value that begins with DECIDE, which bundler check names until it is gone.
//
// It promises to overwrite nothing, to write all files or none, and that what a
// killed run left behind is taken away by the next one. It never guesses silently:
// what is carried over or assumed says so in a comment.
package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/release"
)

// Input is what a jump is made from.
type Input struct {
	Catalog *release.Catalog
	From    Side
	To      Side
	Before  []Package // of the release from which the jump before starts; nil where they could not be read, or there is none
	Schema  *Schema   // for data that moves into the new release's tables; nil for none
}

// Side is one of the two releases.
type Side struct {
	Version  string
	Release  *release.Release // as versions/ has it; nil when it is to be written
	Packages []Package        // all of it, sorted by name
	Source   string           // where the packages lie, for a release that is written
	LeftOut  []string         // files that lie there too and are no part of the release, with the reason
}

// File is one file to write, relative to the project's root.
type File struct {
	Path   string
	Data   []byte
	Sketch bool // it is to be written by a person
}

// Jump is the jump's name.
func (in Input) Jump() string { return in.From.Version + "-" + in.To.Version }

// Make returns the files of a jump and of those of its releases that versions/ does not have.
// Errors: exit.Usage for a jump that cannot be or is there, exit.Mismatch when the
// packages are not those of a release that is there.
func Make(in Input) ([]File, error) {
	if err := in.possible(); err != nil {
		return nil, err
	}
	var files []File
	for _, side := range []Side{in.From, in.To} {
		if side.Release != nil {
			if err := side.same(); err != nil {
				return nil, err
			}
			continue
		}
		files = append(files, File{Path: "versions/" + side.Version + ".yaml", Data: []byte(in.releaseFile(side))})
	}
	if in.To.Release == nil && in.From.Release != nil {
		config, err := in.configFiles()
		if err != nil {
			return nil, err
		}
		files = append(files, config...)
	}
	spec := newSpec(in)
	text, err := spec.text()
	if err != nil {
		return nil, err
	}
	folder := "specs/" + in.Jump() + "/"
	files = append(files, File{Path: folder + "upgrade.yaml", Data: []byte(text)})
	files = append(files, spec.migrations(folder)...)
	checks, err := spec.certification(folder)
	return append(files, checks...), err
}

// possible refuses a jump that would overwrite something, fork or join.
func (in Input) possible() error {
	cat, from, to := in.Catalog, in.From.Version, in.To.Version
	if from == to {
		return exit.Errorf(exit.Usage, "write a jump as <from>-<to>", "from and to are the same release")
	}
	if next := cat.Jumps[from]; next != "" {
		return exit.Errorf(exit.Usage, "every release has one jump that starts there", "specs/%s-%s is there already", from, next)
	}
	for before, next := range cat.Jumps {
		if next == to {
			return exit.Errorf(exit.Usage, "every release has one jump that leads to it", "specs/%s-%s leads to %s already", before, to, to)
		}
	}
	if way, err := cat.Route(to, from); err == nil && way != nil {
		return exit.Errorf(exit.Usage, "name the older release first: jumps only go from older to newer", "a way leads from %s to %s", to, from)
	}
	taken := []string{"specs/" + in.Jump()}
	for _, side := range []Side{in.From, in.To} {
		if side.Release == nil {
			taken = append(taken, "versions/"+side.Version, "versions/"+side.Version+".yaml")
		}
	}
	for _, name := range taken {
		if _, err := os.Lstat(filepath.Join(cat.Root, name)); !errors.Is(err, fs.ErrNotExist) {
			return exit.Errorf(exit.Usage, "move it away first", "%s is there already; nothing is overwritten", name)
		}
	}
	return nil
}

// same demands that the packages given are those that the release names.
func (s Side) same() error {
	var wrong []string
	have := map[string]string{}
	for _, p := range s.Packages {
		have[p.Header.NEVRA()] = p.SHA256
	}
	for _, c := range s.Release.Components {
		switch sum, is := have[c.ID().NEVRA()]; {
		case !is:
			wrong = append(wrong, c.ID().NEVRA()+" is missing")
		case c.SHA256 != "" && sum != c.SHA256:
			wrong = append(wrong, c.ID().NEVRA()+" is another file")
		}
		delete(have, c.ID().NEVRA())
	}
	for _, p := range s.Packages {
		if _, more := have[p.Header.NEVRA()]; more {
			wrong = append(wrong, p.Header.NEVRA()+" is not in it")
		}
	}
	if wrong == nil {
		return nil
	}
	return exit.Errorf(exit.Mismatch, "give the folder of that release, or none: its packages are found by the file",
		"the packages given are not those of versions/%s.yaml: %s", s.Version, strings.Join(wrong, ", "))
}

// configFiles carries over what the old release's bootstrap renders: nothing in the
// packages says what the new one's does, and a release without these files would take
// them away from every host.
func (in Input) configFiles() ([]File, error) {
	var out []File
	for _, f := range in.From.Release.ConfigFiles {
		data, err := os.ReadFile(f.Path)
		if err != nil {
			return nil, fmt.Errorf("carry over %s of %s: %w", f.Target, in.From.Version, err)
		}
		out = append(out, File{Path: "versions/" + in.To.Version + "/config" + f.Target, Data: data})
	}
	return out, nil
}
