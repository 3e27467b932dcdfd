// Package lock pins the components of a release: it writes the digests and sizes of their files into the release's file.
package lock

import (
	"strconv"

	"onerpm/bundler/internal/fetch"
	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/strictyaml"
)

// Result is what became of one component.
type Result struct {
	Name   string `json:"name"`
	EVR    string `json:"evr"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"` // bytes
	State  string `json:"state"`
}

// The states of a Result.
const (
	Kept    = "kept"    // it had a digest, and was not read
	Same    = "same"    // it was read, and is what it was
	Filled  = "filled"  // it had none
	Changed = "changed" // it had another one
)

// Lock pins the components of one release.
type Lock struct {
	release *release.Release
	file    *release.File
	places  []int // in the release, of the components that are read
	items   []plan.Item
}

// New decides which components of the catalog's release are read: those without a digest, or all of them.
func New(cat *release.Catalog, file *release.File, all bool) *Lock {
	l := &Lock{release: cat.Releases[0], file: file}
	for i, c := range l.release.Components {
		if c.SHA256 == "" || all {
			it := plan.ItemOf(cat, l.release, c)
			it.SHA256, it.Size = "", 0
			l.places, l.items = append(l.places, i), append(l.items, it)
		}
	}
	return l
}

// Items are what is to be read, without digests.
func (l *Lock) Items() []plan.Item { return l.items }

// Write writes what was read of Items, in their order, into the release's file.
func (l *Lock) Write(files []fetch.File) ([]Result, error) {
	results := make([]Result, len(l.release.Components))
	for i, c := range l.release.Components {
		results[i] = Result{c.Name, c.EVR, c.SHA256, c.Size, Kept}
	}
	var changes []strictyaml.Change
	for n, i := range l.places {
		r, got := &results[i], files[n].Item
		switch {
		case r.SHA256 == "":
			r.State = Filled
		case r.SHA256 != got.SHA256 || r.Size != got.Size:
			r.State = Changed
		default:
			r.State = Same
			continue
		}
		r.SHA256, r.Size = got.SHA256, got.Size
		at := []any{"components", i}
		changes = append(changes,
			strictyaml.Change{Path: at, Key: "sha256", Value: got.SHA256, After: []string{"arch", "evr", "name"}},
			strictyaml.Change{Path: at, Key: "size", Value: strconv.FormatInt(got.Size, 10), After: []string{"sha256", "arch", "evr", "name"}})
	}
	return results, edit(l.file, changes)
}
