package attempt

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"onerpm/payload-scripts/internal/agent"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/tree"
)

// Leftover is what can go of one attempt that has ended.
type Leftover struct {
	ID    string   `json:"id"`
	What  string   `json:"what"`  // for people
	Paths []string `json:"paths"` // in the order they are removed
	Bytes int64    `json:"bytes"` // of disk, free when they and those before are gone

	Kept   []string `json:"kept,omitempty"`   // those of the paths that are folders of packages which the upgrade has erased
	Behind []string `json:"behind,omitempty"` // what stays, because symbolic links lead to it
}

// Keep says what of ended attempts is kept.
type Keep struct {
	Latest bool      // report and log of the newest attempt, and the engine that can show them
	Since  time.Time // everything of attempts that ended after it; zero for nothing
	Data   bool      // the folders of packages that an upgrade has erased
}

// ended reports whether nothing will ever be done for the attempt again.
func (s summary) ended() bool {
	return len(s.Late) == 0 && (s.Outcome == journal.Upgraded || s.Outcome == journal.Refused || s.Outcome == journal.RolledBack)
}

// Leftovers lists, oldest first, what can go of attempts that have ended. Of one that
// is under way, needs a person or has a journal that cannot be read, it lists nothing. Where agents are
// pending, what is needed to go on with them stays, whatever is kept else.
func Leftovers(p layout.Places, keep Keep) ([]Leftover, error) {
	all, err := attempts(p)
	if err != nil {
		return nil, err
	}
	pending, open, err := PendingAgents(p)
	if err != nil {
		return nil, err
	}
	var out []Leftover
	room := newFreedSpace()
	for i, s := range all {
		if agents, err := agent.Read(p.At(s.ID).Var); err == nil && agents.State == agent.Running {
			continue
		}
		if !s.ended() || (!keep.Since.IsZero() && s.Ended.After(keep.Since)) {
			continue
		}
		listed := exists(p.At(s.ID).Kept())
		waits := open && pending.ID == s.ID
		l, err := leftover(p, s, keep.Latest && i == len(all)-1 || keep.Data && listed || waits)
		if err != nil {
			return nil, err
		}
		if waits {
			l.What += "; its agents are pending"
		}
		if !keep.Data && listed {
			if l.Kept, l.Behind, err = kept(p, p.At(s.ID)); err != nil {
				return nil, err
			}
			// They first, then their list: what is made there later is another's.
			l.Paths = append(append(slices.Clone(l.Kept), p.At(s.ID).Kept()), l.Paths...)
		}
		if len(l.Paths) == 0 {
			continue
		}
		for _, path := range l.Paths {
			to, err := os.Readlink(path)
			if err != nil {
				continue // it is no link
			}
			if !filepath.IsAbs(to) {
				to = filepath.Join(filepath.Dir(path), to)
			}
			l.Behind = append(l.Behind, to)
		}
		if l.Bytes, err = room.freed(l.Paths); err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

func leftover(p layout.Places, s summary, latest bool) (Leftover, error) {
	a := p.At(s.ID)
	ended := fmt.Sprintf("%s, ended %s", s.Outcome, s.Ended.Local().Format("2006-01-02 15:04 MST"))
	if !latest {
		l := Leftover{ID: s.ID, What: "everything of it (" + ended + ")"}
		if exists(a.Run) {
			l.Paths = append(l.Paths, a.Run)
		}
		rest, err := children(a.Var, "journal.json")
		// The journal goes last: until then a clean that is cut short is done again.
		l.Paths = append(l.Paths, append(rest, a.Var)...)
		return l, err
	}
	l := Leftover{ID: s.ID, What: "backups and what the way back needs; report and log stay (" + ended + ")"}
	for _, dir := range []struct {
		path string
		but  []string
	}{
		{a.Run, []string{"bin", "manifest.json", "version"}},
		{a.Var, []string{"journal.json", "log", "report.json", agent.File, filepath.Base(a.Stores()), filepath.Base(a.Kept())}},
	} {
		rest, err := children(dir.path, dir.but...)
		if err != nil {
			return l, err
		}
		l.Paths = append(l.Paths, rest...)
	}
	return l, nil
}

// children lists what is in a folder, but for some names; nothing where there is none, or a link to one.
func children(dir string, but ...string) ([]string, error) {
	info, err := os.Lstat(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && !info.IsDir() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	var out []string
	for _, e := range entries {
		if !slices.Contains(but, e.Name()) {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out, err
}

// kept are those folders of packages that an attempt has erased that are there, as this process sees them, and those
// that stay because a link stands on the way to them.
func kept(p layout.Places, a layout.Attempt) (found, behind []string, err error) {
	data, err := os.ReadFile(a.Kept())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read what was kept: %w", err)
	}
	var all []string
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", a.Kept(), err)
	}
	for _, path := range all {
		switch at := filepath.Join("/", p.Root, path); {
		case !exists(at):
		case direct(at):
			found = append(found, at)
		default:
			behind = append(behind, at)
		}
	}
	return found, behind, nil
}

// direct reports whether no link stands on the way to a path. Whoever made one, root or another: what it leads to now need
// not be what the upgrade left.
func direct(path string) bool {
	dir := filepath.Dir(path)
	real, _, err := host.Resolve("", dir)
	return err == nil && real == dir
}

// removeKept removes a folder of the host with all that is in it; of a link the link. Of a file system of its own the
// empty folder stays.
func removeKept(path string) error {
	if !direct(path) {
		return nil // since it was listed
	}
	dir, base, err := host.OpenParent(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	host.Point("unlink", path)
	err = tree.Remove(dir, base)
	_ = dir.Close()
	if err != nil && !errors.Is(err, syscall.EBUSY) {
		return err
	}
	return host.SyncDir(filepath.Dir(path))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Remove removes a leftover. It may be called again after it was cut short.
func Remove(p layout.Places, l Leftover) error {
	for _, path := range l.Paths {
		remove := os.RemoveAll
		if slices.Contains(l.Kept, path) {
			remove = removeKept
		}
		if err := remove(path); err != nil {
			return fmt.Errorf("remove what is left of %s: %w", l.ID, err)
		}
	}
	current := p.Current()
	if to, err := os.Readlink(current); err == nil && to == l.ID && !exists(filepath.Join(p.Run(), to)) {
		if err := host.Remove(current); err != nil {
			return err
		}
	}
	for _, dir := range []string{p.Run(), p.Var()} {
		if err := host.SyncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// freedSpace counts the bytes that removing files frees: a file with several names is free when
// the last of them goes.
type freedSpace struct{ names map[[2]uint64]uint64 }

func newFreedSpace() *freedSpace { return &freedSpace{names: map[[2]uint64]uint64{}} }

func (r *freedSpace) freed(paths []string) (int64, error) {
	var total int64
	counted := map[string]bool{}
	for _, root := range paths {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if errors.Is(err, os.ErrNotExist) || counted[path] {
				return nil // listed before, as the folder it is in follows
			}
			if err != nil {
				return err
			}
			counted[path] = true
			info, err := e.Info()
			if err != nil {
				return err
			}
			st, ok := info.Sys().(*syscall.Stat_t)
			if !ok {
				return nil
			}
			const block = 512 // of st_blocks, in bytes
			key := [2]uint64{st.Dev, st.Ino}
			if r.names[key]++; e.IsDir() || r.names[key] == uint64(st.Nlink) { //nolint:unconvert // 32 bits wide on other processors
				total += st.Blocks * block
			}
			return nil
		})
		if err != nil {
			return 0, fmt.Errorf("measure %s: %w", root, err)
		}
	}
	return total, nil
}

// Used reports whether an attempt was ever made on this host.
func Used(p layout.Places) bool { return exists(p.Var()) }
