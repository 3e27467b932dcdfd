package moves

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/paths"
	"onerpm/payload-scripts/internal/tree"
)

// owned is a line of owners.jsonl: a file, and whose it is before the upgrade.
type owned struct {
	Path  host.Name `json:"path"` // without links, before any move
	Inode uint64    `json:"inode"`
	MTime int64     `json:"mtime,omitempty"` // nanoseconds since 1970, of all but folders: a file that took another's place may have got its inode
	UID   int       `json:"uid"`
	GID   int       `json:"gid"`
	Rule  int       `json:"rule"`          // which of the manifest's owners it gets
	Any   bool      `json:"any,omitempty"` // configuration: the file that is there in the end, whichever it is
	Dir   bool      `json:"dir,omitempty"`
}

func (s *Set) ownersFile() string { return filepath.Join(s.Folder, "owners.jsonl") }

// LinkedError are files that have further names outside of a tree: a new owner would be given
// to what somebody may have linked there.
type LinkedError struct{ Paths []string }

func (e *LinkedError) Error() string {
	const shown = 10
	more := ""
	if len(e.Paths) > shown {
		more = fmt.Sprintf(" and %d more", len(e.Paths)-shown)
	}
	return "files have further names (hard links) elsewhere: " + strings.Join(e.Paths[:min(shown, len(e.Paths))], ", ") + more
}

// recordOwners writes owners.jsonl, durably and whole.
func (s *Set) recordOwners(ctx context.Context) (err error) {
	if len(s.Owners) == 0 {
		return nil
	}
	f, err := os.OpenFile(s.ownersFile()+"~", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	packaged := map[string]bool{}
	if s.Packaged != nil {
		if packaged, err = s.Packaged(ctx); err != nil {
			return err
		}
	}
	config := map[string]bool{}
	for _, target := range s.Config {
		real, _, err := s.Host.Resolve(target)
		if err != nil {
			return err
		}
		config[real] = true
	}
	root := strings.TrimSuffix(s.Host.At("/"), "/")
	out := bufio.NewWriter(f)
	enc := json.NewEncoder(out)
	for i, rule := range s.Owners {
		if err := s.walk(ctx, rule, func(o owned) error {
			path := string(o.Path)
			o.Rule, o.Any = i, config[path]
			if !o.Dir && !o.Any && packaged[strings.TrimPrefix(path, root)] {
				return nil
			}
			return enc.Encode(o)
		}); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	host.Point("fsync", s.ownersFile())
	if err := f.Sync(); err != nil {
		return err
	}
	host.Point("rename", s.ownersFile())
	if err := os.Rename(s.ownersFile()+"~", s.ownersFile()); err != nil {
		return err
	}
	return host.SyncDir(s.Folder)
}

// walk tells every file that a rule is about. Further names elsewhere are a *LinkedError, at the end.
func (s *Set) walk(ctx context.Context, rule manifest.Owner, visit func(owned) error) error {
	real, _, err := s.Host.Resolve(rule.Path)
	if err != nil {
		return err
	}
	type links struct {
		left uint64
		path string
	}
	linked := map[[2]uint64]*links{} // by device and inode
	err = tree.Walk(ctx, real, func(rel string, st *unix.Stat_t) error {
		path := filepath.Join(real, rel)
		if st.Nlink > 1 && st.Mode&unix.S_IFMT != unix.S_IFDIR {
			id := [2]uint64{st.Dev, st.Ino}
			if linked[id] == nil {
				linked[id] = &links{uint64(st.Nlink), path} //nolint:unconvert // 32 bits on other machines
			}
			if linked[id].left--; linked[id].left == 0 {
				delete(linked, id)
			}
		}
		if privileged, err := isPrivileged(path, st); err != nil || privileged {
			return err
		}
		o := owned{Path: host.Name(path), Inode: st.Ino, UID: int(st.Uid), GID: int(st.Gid), Dir: st.Mode&unix.S_IFMT == unix.S_IFDIR}
		if !o.Dir {
			o.MTime = st.Mtim.Nano()
		}
		return visit(o)
	})
	if err != nil || len(linked) == 0 {
		return err
	}
	outside := &LinkedError{}
	for _, l := range linked {
		outside.Paths = append(outside.Paths, l.path)
	}
	return outside
}

// isPrivileged reports whether a file is a program with setuid, setgid or capabilities. It keeps its owner: somebody
// else could change what it does, and the way back would give that the privilege.
func isPrivileged(path string, st *unix.Stat_t) (bool, error) {
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Mode&(0o111|unix.S_ISUID|unix.S_ISGID) == 0 {
		return false, nil
	}
	if st.Mode&(unix.S_ISUID|unix.S_ISGID) != 0 {
		return true, nil
	}
	n, err := host.OpenPath(path)
	if absent(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer n.Close()
	xattrs, err := n.Xattrs()
	return xattrs["security.capability"] != nil, err
}

// each reads owners.jsonl.
func (s *Set) each(ctx context.Context, do func(owned) error) error {
	if len(s.Owners) == 0 {
		return nil
	}
	f, err := os.Open(s.ownersFile())
	if err != nil {
		return fmt.Errorf("read whose the files were: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	for dec, n := json.NewDecoder(bufio.NewReader(f)), int64(1); ; n++ {
		var o owned
		if err := dec.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read %s, line %d: %w", s.ownersFile(), n, err)
		}
		if o.Rule < 0 || o.Rule >= len(s.Owners) {
			return fmt.Errorf("read %s, line %d: it is about no owner of this bundle", s.ownersFile(), n)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := do(o); err != nil {
			return err
		}
		if s.Progress != nil && n%1000 == 0 {
			s.Progress(string(o.Path), n, 0)
		}
	}
}

// applyOwners gives every recorded file its new owner, at its new place, and the folders that
// were made among them.
func (s *Set) applyOwners(ctx context.Context, r *record) error {
	owners := make([]ids, len(s.Owners))
	for i, rule := range s.Owners {
		var err error
		if owners[i], err = lookUp(rule); err != nil {
			return err
		}
	}
	var at opener
	defer at.close()
	places := r.places()
	err := s.each(ctx, func(o owned) error {
		o.Any = o.Any || o.Dir // a scriptlet may have made it anew
		_, err := o.chown(&at, placeOf(places, o.Path), owners[o.Rule])
		return err
	})
	if err != nil {
		return err
	}
	for _, f := range r.Made {
		for i, rule := range s.Owners {
			real, _, err := s.Host.Resolve(rule.Path)
			if err != nil {
				return err
			}
			if !f.All || !paths.Within(string(f.Path), real) {
				continue
			}
			is, err := inodeAt(f.Path)
			if err != nil {
				return err
			}
			if _, err := (owned{Inode: is}).chown(&at, f.Path, owners[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// restoreOwners gives every recorded file the owner that it had. One that is not there any more, or
// is another one now, is left to what restores it (configuration, state), or is the new release's own.
func (s *Set) restoreOwners(ctx context.Context) error {
	others := 0
	var at opener
	defer at.close()
	err := s.each(ctx, func(o owned) error {
		o.Any, o.MTime = false, 0 // the new release may have written to it
		same, err := o.chown(&at, o.Path, ids{o.UID, o.GID})
		if err == nil && !same {
			others++
		}
		return err
	})
	if others > 0 {
		slog.Info("files that are not those which got another owner", "count", others)
	}
	return err
}

// ids are a user and a group; -1 leaves what is there.
type ids struct{ uid, gid int }

// chown sets the owner of the file at a path. It reports whether that very file is there.
func (o owned) chown(at *opener, path host.Name, to ids) (same bool, err error) {
	n, err := at.open(string(path))
	if absent(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer n.Close()
	// Another name of a file may be a secret's. A folder of root's nobody else can have put there.
	whichever := o.Any && n.Stat.Nlink == 1 || o.Any && o.Dir && n.Stat.Mode&unix.S_IFMT == unix.S_IFDIR && n.Stat.Uid == 0
	if same := n.Stat.Ino == o.Inode && (o.MTime == 0 || n.Stat.Mtim.Nano() == o.MTime); !same && !whichever {
		return false, nil
	}
	uid, gid := int(n.Stat.Uid), int(n.Stat.Gid)
	if to.uid >= 0 {
		uid = to.uid
	}
	if to.gid >= 0 {
		gid = to.gid
	}
	if uid == int(n.Stat.Uid) && gid == int(n.Stat.Gid) {
		return true, nil
	}
	host.Point("chown", string(path))
	return true, n.Chown(uid, gid)
}

// opener opens files one after the other, as a walk meets them: the folder of the last one stays open.
type opener struct {
	dir  *os.File
	path string // of dir
}

func (a *opener) open(path string) (*host.Inode, error) {
	if folder := filepath.Dir(path); a.dir == nil || folder != a.path {
		a.close()
		dir, _, err := host.OpenParent(path)
		if err != nil {
			return nil, err
		}
		a.dir, a.path = dir, folder
	}
	return host.OpenInode(int(a.dir.Fd()), filepath.Base(path))
}

func (a *opener) close() {
	if a.dir != nil {
		_ = a.dir.Close() // only read
		a.dir = nil
	}
}

// places are where files are after the moves, by where they were.
func (r *record) places() map[host.Name]host.Name {
	to := map[host.Name]host.Name{}
	for _, m := range r.Moves {
		to[m.From] = m.To
	}
	return to
}

// placeOf is where a path is after the moves.
func placeOf(places map[host.Name]host.Name, path host.Name) host.Name {
	for p := path; p != "/" && p != "."; p = host.Name(filepath.Dir(string(p))) {
		if to, moves := places[p]; moves {
			return to + path[len(p):]
		}
	}
	return path
}

// lookUp finds the numbers of an owner.
func lookUp(o manifest.Owner) (ids, error) {
	uid, err := number(o.User, func(name string) (string, error) {
		u, err := user.Lookup(name)
		if err != nil {
			return "", err
		}
		return u.Uid, nil
	})
	if err != nil {
		return ids{}, fmt.Errorf("owner of %s: %w", o.Path, err)
	}
	if o.Group == "" {
		return ids{uid, -1}, nil
	}
	gid, err := number(o.Group, func(name string) (string, error) {
		g, err := user.LookupGroup(name)
		if err != nil {
			return "", err
		}
		return g.Gid, nil
	})
	if err != nil {
		return ids{}, fmt.Errorf("group of %s: %w", o.Path, err)
	}
	return ids{uid, gid}, nil
}

func number(name string, find func(string) (string, error)) (int, error) {
	if id, err := strconv.Atoi(name); err == nil && id >= 0 {
		return id, nil
	}
	id, err := find(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(id)
}
