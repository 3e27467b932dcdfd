package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

// statePath is one state path of the index.
type statePath struct {
	Path string `json:"path"` // as the manifest names it
	Real string `json:"real"` // without links
}

// SaveState saves the state paths. The first call after Prepare is for while the
// product serves and copies everything; the next one, when it is stopped, copies
// what differs, records configuration anew if an admin changed it meanwhile, and
// seals the attempt: only from then on does Converge go to either side. Before,
// the host's own files are the newest there are, and the way back leaves them alone.
func (s *Set) SaveState(ctx context.Context) error {
	seal := !s.serves
	if err := s.saveState(ctx, seal); err != nil {
		return fmt.Errorf("save the state: %w", explain(err))
	}
	s.serves = false
	return nil
}

func (s *Set) saveState(ctx context.Context, seal bool) error {
	x, err := s.loadIndex()
	if err != nil {
		return err
	}
	if x.Sealed {
		return ErrChanged
	}
	if seal { // what the product wrote last must not be lost by a power cut on the way
		if err := s.prepare(ctx); err != nil {
			return err
		}
		if x, err = s.loadIndex(); err != nil {
			return err
		}
		if err := host.SyncFS(s.statePaths()...); err != nil {
			return err
		}
	}
	x.State = nil
	if err := os.MkdirAll(s.saved("state"), 0o700); err != nil {
		return err
	}
	for i, p := range s.m.State {
		real, err := s.saveable(p)
		if err != nil {
			return err
		}
		x.State = append(x.State, &statePath{Path: p, Real: real})
		if err := s.savePath(ctx, i, real, seal); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	x.Sealed = seal
	return s.store(x)
}

func (s *Set) statePaths() []string {
	out := make([]string, len(s.m.State))
	for i, p := range s.m.State {
		out[i] = s.onHost(p)
	}
	return out
}

// saveable returns a state path without links, and refuses one that the backup lies in.
func (s *Set) saveable(p string) (string, error) {
	real, _, err := s.resolve(p)
	if err != nil {
		return "", err
	}
	backup, err := filepath.EvalSymlinks(s.backup)
	if err != nil {
		return "", err
	}
	if within(backup, real) || within(real, backup) {
		return "", fmt.Errorf("%s and the backup in %s lie in one another", p, s.backup)
	}
	return real, nil
}

func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// savePath makes state/<i> like a path of the host, and writes its index.
func (s *Set) savePath(ctx context.Context, i int, real string, seal bool) error {
	known, err := readTree(s.saved("state", strconv.Itoa(i)+".index"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	to, err := os.Open(s.saved("state"))
	if err != nil {
		return err
	}
	defer to.Close() //nolint:errcheck // read only
	from, err := openParent(real)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		if err := removeTree(int(to.Fd()), strconv.Itoa(i), 0); err != nil {
			return err
		}
		return writeTree(s.saved("state", strconv.Itoa(i)+".index"), nil)
	}
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // read only
	now := map[string]*entry{}
	digests := map[string]string{}
	m := &mirror{
		ctx: ctx, lax: !seal, tell: s.tell,
		settled: func(rel string, src, _ int, srcName, _ string) (bool, error) {
			old := known[rel]
			if old == nil || !old.isFile() {
				return false, nil
			}
			st, there, err := statAt(src, srcName)
			if err != nil || !there || !old.untouched(&st) {
				return false, err
			}
			now[rel] = old
			return true, nil
		},
		same: func(_, _ *entry, _, _ *host.Inode) (bool, error) { return false, nil },
		copied: func(src *entry, dst *host.Inode) (err error) {
			src.Size = dst.Stat.Size // it may have grown while it was copied
			digests[string(src.Path)], err = digestOf(dst)
			return err
		},
		seen: func(e *entry) {
			e.SHA256 = digests[string(e.Path)]
			now[string(e.Path)] = e
		},
		linked: func(rel, first string) {
			if e := now[first]; e != nil {
				other := *e // all but the name is the file's
				other.Path = name(rel)
				now[rel] = &other
			}
		},
	}
	for try := 1; ; try++ {
		if err := m.run(int(from.Fd()), filepath.Base(real), int(to.Fd()), strconv.Itoa(i)); err != nil {
			return err
		}
		if !seal {
			break
		}
		moving, err := s.moving(ctx, int(from.Fd()), filepath.Base(real), now)
		if err != nil {
			return err
		}
		if len(moving) == 0 {
			break
		}
		if try == 3 {
			return fmt.Errorf("files change though the product is stopped, by whom must be found first: %s", strings.Join(moving[:min(len(moving), maxNamed)], ", "))
		}
		known, now = now, map[string]*entry{}
	}
	if err := host.SyncFS(s.saved("state")); err != nil { // the index speaks of what is on disk
		return err
	}
	return writeTree(s.saved("state", strconv.Itoa(i)+".index"), now)
}

// moving returns what is not as it was when it was saved a moment ago.
func (s *Set) moving(ctx context.Context, dir int, base string, saved map[string]*entry) ([]string, error) {
	var out []string
	found := map[string]bool{}
	err := walk(ctx, dir, base, ".", 0, func(rel string, st *unix.Stat_t, _ int, _ string) error {
		found[rel] = true
		old := saved[rel]
		if old == nil || old.Ino != st.Ino || old.CTime != nanoseconds(st.Ctim) || old.isFile() && old.Size != st.Size {
			out = append(out, rel)
		}
		return nil
	})
	for p := range saved {
		if !found[p] {
			out = append(out, p)
		}
	}
	sort.Strings(out)
	return out, err
}

// walk tells visit of everything at base in dir, folders before what is in them;
// nothing there is no error.
func walk(ctx context.Context, dir int, base, rel string, depth int, visit func(rel string, st *unix.Stat_t, dir int, base string) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if depth > maxTreeDepth {
		return fmt.Errorf("%s: folders nest deeper than %d", rel, maxTreeDepth)
	}
	st, there, err := statAt(dir, base)
	if err != nil || !there {
		return err
	}
	if err := visit(rel, &st, dir, base); err != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return err
	}
	below, err := openDir(dir, base)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer below.Close() //nolint:errcheck // read only
	list, err := names(below)
	if errors.Is(err, os.ErrNotExist) { // removed meanwhile
		return nil
	}
	if err != nil {
		return err
	}
	for _, child := range list {
		if err := walk(ctx, int(below.Fd()), child, filepath.Join(rel, child), depth+1, visit); err != nil {
			return err
		}
	}
	return nil
}
