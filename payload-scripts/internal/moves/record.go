package moves

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/tree"
)

// record is moves.json. Its paths have no links, as this process sees them.
type record struct {
	Moves []moved  `json:"moves"`
	Made  []folder `json:"made"`  // folders that lack, each after the one it lies in
	Times []folder `json:"times"` // folders in which names come and go
}

// moved is a file or folder that moves.
type moved struct {
	From  host.Name `json:"from"`
	To    host.Name `json:"to"`
	Inode uint64    `json:"inode"`
}

// folder is a folder to make, or one whose time is kept.
type folder struct {
	Path  host.Name `json:"path"`
	Mode  uint32    `json:"mode,omitempty"`
	UID   int       `json:"uid,omitempty"`
	GID   int       `json:"gid,omitempty"`
	MTime int64     `json:"mtime,omitempty"` // nanoseconds since 1970
	All   bool      `json:"all,omitempty"`   // on the way back it goes with what the new release has put into it
}

func (s *Set) file() string { return filepath.Join(s.Folder, "moves.json") }

func (s *Set) load() (*record, error) {
	data, err := os.ReadFile(s.file())
	if err != nil {
		return nil, fmt.Errorf("read what moves: %w", err)
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("read %s: %w", s.file(), err)
	}
	return &r, nil
}

// recordPlaces notes what is there to move. It is written last: with it Converge begins.
func (s *Set) recordPlaces() error {
	r := &record{Moves: []moved{}, Made: []folder{}, Times: []folder{}}
	for _, m := range s.Moves {
		if err := r.add(s, m); err != nil {
			return fmt.Errorf("%s: %w", m.Source(), err)
		}
	}
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return host.WriteFile(s.file(), append(data, '\n'), host.Attr{Mode: 0o600})
}

// add notes one move: what is there now, and the folders that are missing.
func (r *record) add(s *Set, m manifest.Move) error {
	source, _, err := s.Host.Resolve(m.Source())
	if err != nil {
		return err
	}
	target, _, err := s.Host.Resolve(m.Target())
	if err != nil {
		return err
	}
	before := len(r.Moves)
	if m.From != "" {
		err = r.addOne(source, target)
	} else {
		err = r.addContent(source, target)
	}
	if err != nil || len(r.Moves) == before {
		return err
	}
	into, from := target, source
	if m.From != "" {
		into, from = filepath.Dir(target), filepath.Dir(source)
	}
	if err := r.noteMissingFolders(into, from, m.Each != ""); err != nil {
		return err
	}
	for _, dir := range []string{from, existing(into)} {
		if err := r.time(dir); err != nil {
			return err
		}
	}
	return nil
}

// addOne records the move of a file or folder, if it is there.
func (r *record) addOne(from, to string) error {
	is, err := inodeAt(host.Name(from))
	if err != nil || is == 0 {
		return err
	}
	there, err := inodeAt(host.Name(to))
	if err != nil {
		return err
	}
	if there != 0 {
		return fmt.Errorf("%s is there already", to)
	}
	r.Moves = append(r.Moves, moved{From: host.Name(from), To: host.Name(to), Inode: is})
	return nil
}

// addContent records the move of everything in a folder, but for the folder that it moves into.
func (r *record) addContent(from, into string) error {
	dir, err := host.OpenDir(from)
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	names, err := dir.Readdirnames(-1)
	_ = dir.Close()
	if err != nil {
		return err
	}
	sort.Strings(names)
	for _, name := range names {
		if path := filepath.Join(from, name); path != into {
			if err := r.addOne(path, filepath.Join(into, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// noteMissingFolders records a folder and its parents that do not exist yet: they get the attributes of another one.
func (r *record) noteMissingFolders(path, like string, all bool) error {
	n, err := host.OpenPath(like)
	if err != nil {
		return err
	}
	defer n.Close()
	if !all { // beside another file: as any folder of root's
		n.Stat.Mode, n.Stat.Uid, n.Stat.Gid = 0o755, 0, 0
	}
	var lack []folder
	for p := path; ; p = filepath.Dir(p) {
		is, err := inodeAt(host.Name(p))
		if err != nil {
			return err
		}
		if is != 0 || slices.ContainsFunc(r.Made, func(f folder) bool { return f.Path == host.Name(p) }) {
			break
		}
		lack = append(lack, folder{Path: host.Name(p), Mode: n.Stat.Mode & 0o7777, UID: int(n.Stat.Uid), GID: int(n.Stat.Gid), All: all && p == path})
	}
	slices.Reverse(lack)
	r.Made = append(r.Made, lack...)
	return nil
}

// time notes the time of a folder.
func (r *record) time(path string) error {
	if slices.ContainsFunc(r.Times, func(f folder) bool { return f.Path == host.Name(path) }) {
		return nil
	}
	n, err := host.OpenPath(path)
	if err != nil {
		return err
	}
	defer n.Close()
	r.Times = append(r.Times, folder{Path: host.Name(path), MTime: n.Stat.Mtim.Nano()})
	return nil
}

// sync makes the names in all folders durable.
func (r *record) sync() error {
	for _, list := range [][]folder{r.Made, r.Times} {
		for _, f := range list {
			if err := host.SyncDir(string(f.Path)); err != nil {
				return err
			}
		}
	}
	return nil
}

// errGone is a file that is neither where it was nor where it moves.
var errGone = errors.New("it is gone")

// move renames the file, unless that was done already. Back, what the new release has put in its
// old place goes.
func (m moved) move(from, to host.Name) error {
	is, err := inodeAt(to)
	if err != nil || is == m.Inode {
		return err
	}
	was, err := inodeAt(from)
	if err != nil {
		return err
	}
	if was != m.Inode {
		return fmt.Errorf("%s: %w: somebody moved, removed or replaced it since the services were stopped", from, errGone)
	}
	if is != 0 && to == m.From {
		if err := removeAll(string(to)); err != nil {
			return err
		}
	}
	return rename(string(from), string(to), m.Inode)
}

// make makes a folder, or ends what an engine that was killed began. One that a package has made
// meanwhile is as that says.
func (f folder) make() error {
	attr := host.Attr{Mode: host.GoMode(f.Mode), UID: f.UID, GID: f.GID}
	n, err := host.OpenPath(string(f.Path))
	if absent(err) {
		return host.Mkdir(string(f.Path), attr, nil)
	}
	if err != nil {
		return err
	}
	defer n.Close()
	switch {
	case n.Stat.Mode&unix.S_IFMT != unix.S_IFDIR:
		return fmt.Errorf("%s is no folder", f.Path)
	case n.Stat.Mode&0o777 != 0o700 || // setgid comes from the folder around it
		n.Stat.Uid != 0:
		return nil
	}
	xattrs, err := n.Xattrs()
	if err != nil {
		return err
	}
	return n.SetAttr(attr, xattrs, n.Stat.Mtim)
}

// remove takes a folder away that was made.
func (f folder) remove() error {
	if !f.All {
		return host.RemoveEmpty(string(f.Path))
	}
	return removeAll(string(f.Path))
}

func removeAll(path string) error {
	dir, base, err := host.OpenParent(path)
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // synced below
	host.Point("unlink", path)
	if err := tree.Remove(dir, base); err != nil {
		return err
	}
	return host.SyncDir(filepath.Dir(path))
}

// restore gives a folder its time.
func (f folder) restore() error {
	n, err := host.OpenPath(string(f.Path))
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer n.Close()
	return n.SetTime(unix.NsecToTimespec(f.MTime))
}
