// Package paths knows how the product's paths are reached on this host: over
// which links of root's, below which folders, on which file systems. An upgrade
// writes only to where a path led when the attempt began, and puts the way there
// back when the new release or its packages have changed it.
package paths

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/tree"
)

// Record is how paths were reached when the attempt began.
type Record struct {
	Dirs  map[key]*Folder `json:"dirs"`            // folders above all of the paths; null for one that was not there
	Links []host.Link     `json:"links,omitempty"` // on the way to any of them
	Ways  map[string]Way  `json:"ways,omitempty"`  // of each path
}

// key is a path in JSON, whatever its bytes are. It is a struct because of a map's keys
// that are strings encoding/json does not ask how they are written.
type key struct{ host.Name }

// Way is where a path led.
type Way struct {
	Real   host.Name `json:"real"`             // without links
	Tree   bool      `json:"tree,omitempty"`   // what is mounted below counts too
	Mounts []Mount   `json:"mounts,omitempty"` // the file systems that it lies on
}

// Host is where the paths are: the folder that stands for the root of the file
// system, "" but in tests.
type Host string

// At returns a path of the host as this process sees it.
func (h Host) At(path string) string { return filepath.Join("/", string(h), path) }

// Resolve returns a path of the host without links, and the links it led over.
func (h Host) Resolve(path string) (real string, links []host.Link, err error) {
	return host.Resolve(h.At("/"), path)
}

// Recorder makes a Record, from one look at what is mounted.
type Recorder struct {
	Record

	host   Host
	mounts []Mount
}

// Recorder begins a record.
func (h Host) Recorder() (*Recorder, error) {
	all, err := Mounts()
	return &Recorder{host: h, mounts: all, Record: Record{Dirs: map[key]*Folder{}, Ways: map[string]Way{}}}, err
}

// Add records the way to a path, and returns where it leads. Of a tree what is
// mounted below counts too.
func (r *Recorder) Add(path string, isTree bool) (real string, err error) {
	real, links, err := r.host.Resolve(path)
	if err != nil {
		return "", err
	}
	for _, l := range links {
		if !slices.Contains(r.Links, l) {
			r.Links = append(r.Links, l)
		}
	}
	if err := r.addFolders(path); err != nil {
		return "", err
	}
	r.addWay(path, Way{Real: host.Name(real), Tree: isTree, Mounts: mountsOf(r.mounts, real, isTree)})
	return real, nil
}

// AddFileSystems records the file systems that paths lie on, each by one of them.
func (r *Recorder) AddFileSystems(paths []string) error {
	folders, known := map[string]bool{}, map[Mount]bool{}
	for _, path := range paths {
		dir := filepath.Dir(path)
		if folders[dir] {
			continue
		}
		folders[dir] = true
		real, _, err := r.host.Resolve(dir)
		if errors.As(err, new(*host.LinkError)) {
			continue // nothing is written there
		}
		if err != nil {
			return err
		}
		for _, m := range mountsOf(r.mounts, real, false) {
			if !known[m] {
				known[m] = true
				r.addWay(dir, Way{Real: host.Name(real), Mounts: []Mount{m}})
			}
		}
	}
	return nil
}

// Keep records the ways of an earlier record that this one does not have.
func (r *Recorder) Keep(before *Record) {
	for path, w := range before.Ways {
		if _, has := r.Ways[path]; !has {
			r.Ways[path] = w
		}
	}
}

// addWay records a way; that of a tree is not replaced.
func (r *Record) addWay(path string, w Way) {
	if !r.Ways[path].Tree {
		r.Ways[path] = w
	}
}

// StillLeads fails when a path leads elsewhere than it did when it was recorded.
func (h Host) StillLeads(path, real string) error {
	now, _, err := h.Resolve(path)
	if err == nil && now != real {
		err = fmt.Errorf("it leads to %s now and did to %s when it was saved", now, real)
	}
	return err
}

// RestoreLinks puts links back that the new release removed or replaced. What
// stands in their place goes; a folder that something is in only where gone says
// that all of it is restored.
func (h Host) RestoreLinks(r *Record, gone func(path string) bool) error {
	for _, l := range r.Links {
		if err := RestoreLink(l, gone(string(l.Path))); err != nil {
			return err
		}
	}
	return nil
}

// RestoreLink puts one link back; a folder in its place goes with what is in it when all is set.
func RestoreLink(l host.Link, all bool) error {
	at, to := string(l.Path), string(l.To)
	if n, err := host.OpenPath(at); err == nil {
		is, err := n.Link()
		n.Close()
		if err == nil && is == to {
			return nil
		}
	}
	err := host.Remove(at)
	dir, base, openErr := host.OpenParent(at)
	if openErr != nil {
		return openErr
	}
	defer dir.Close() //nolint:errcheck // synced by SyncDir
	if err != nil && all {
		err = tree.Remove(dir, base)
	}
	if err == nil {
		err = unix.Symlinkat(to, int(dir.Fd()), base)
	}
	var made *host.Inode
	if err == nil {
		made, err = host.OpenInode(int(dir.Fd()), base)
	}
	if err == nil {
		defer made.Close()
		err = made.SetAttr(host.Attr{GID: l.GID}, nil, unix.NsecToTimespec(l.MTime))
	}
	if err != nil {
		return fmt.Errorf("put the link %s back: %w", at, err)
	}
	return host.SyncDir(filepath.Dir(at))
}

// Existing returns the nearest folder above a path that is there.
func Existing(path string) string {
	for path != "/" {
		if _, err := os.Stat(path); err == nil {
			break
		}
		path = filepath.Dir(path)
	}
	return path
}
