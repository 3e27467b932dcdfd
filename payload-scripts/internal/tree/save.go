package tree

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

// maxTries bounds how often a tree is copied that should not change any more.
const maxTries = 3

// maxNamed bounds the list of an error.
const maxNamed = 20

// Save makes the copy like the tree at real and writes its index. What an earlier
// call copied and nobody touched since is not copied again. A live tree may change
// meanwhile; one that is not live and changes all the same is an error.
func (c Copy) Save(ctx context.Context, real string, live bool) error {
	known, err := readIndex(c.indexFile())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	to, err := os.Open(c.Dir)
	if err != nil {
		return err
	}
	defer to.Close() //nolint:errcheck // read only
	from, base, err := host.OpenParent(real)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		if err := Remove(to, c.Name); err != nil {
			return err
		}
		return writeIndex(c.indexFile(), nil)
	}
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // read only
	var p *saving
	for try := 1; ; try++ {
		p = &saving{live: live, known: known, now: index{}, digests: map[string]string{}}
		m := mirror{ctx: ctx, policy: p, progress: c.progress}
		if err := m.run(from, base, to, c.Name); err != nil {
			if errors.Is(err, errVanished) && try < maxTries {
				continue
			}
			return err
		}
		if live {
			break
		}
		moving, err := changed(ctx, from, base, p.now)
		if err != nil {
			return err
		}
		if len(moving) == 0 {
			break
		}
		if try == maxTries {
			return fmt.Errorf("files change though the product is stopped, by whom must be found first: %s", strings.Join(moving[:min(len(moving), maxNamed)], ", "))
		}
		known = p.now
	}
	if err := host.SyncFS(c.Dir); err != nil { // the index speaks of what is on disk
		return err
	}
	return writeIndex(c.indexFile(), p.now)
}

// saving is the policy of a mirror from the host into a copy: the index of the
// last time tells what need not be read again.
type saving struct {
	live    bool
	known   index             // of the last time
	now     index             // of this time
	digests map[string]string // of the files copied this time
}

func (p *saving) lenient() bool { return p.live }

func (p *saving) complete(*entry) {}

func (p *saving) unchanged(f pair) (*entry, error) {
	old := p.known[f.rel]
	if old == nil || !old.isFile() && !old.isFolder() {
		return nil, nil
	}
	st, there, err := statAt(f.src, f.srcName)
	if err != nil || !there || !old.untouched(&st) {
		return nil, err
	}
	// An engine that was killed may have removed the copy, with a folder that was elsewhere then, or have left something in that of a folder,
	// which then has another time.
	st, there, err = statAt(f.dst, f.dstName)
	if err != nil || !there || old.isFolder() && !old.sameFolder(&st) || old.isFile() && (old.Mode != st.Mode || old.Size != st.Size) {
		return nil, err
	}
	if old.isFile() {
		p.now[f.rel] = old
	}
	return old, nil
}

func (p *saving) same(_, _ *host.Inode) (bool, error) { return false, nil }

func (p *saving) copied(src *entry, dst *host.Inode) (err error) {
	src.Size = dst.Stat.Size // it may have grown while it was copied
	p.digests[string(src.Path)], err = digestOf(dst)
	return err
}

func (p *saving) seen(e *entry) {
	e.SHA256 = p.digests[string(e.Path)]
	p.now[string(e.Path)] = e
}

func (p *saving) linked(rel, first string) {
	if e := p.now[first]; e != nil {
		other := *e // all but the name is the file's
		other.Path = name(rel)
		p.now[rel] = &other
	}
}

// flags: a copy has none; it must be possible to remove it.
func (p *saving) flags(string) uint32 { return 0 }

func (p *saving) keeps(*entry) bool { return false }

// changed returns what is not as it was when it was saved a moment ago.
func changed(ctx context.Context, dir *os.File, base string, saved index) ([]string, error) {
	var out []string
	found := map[string]bool{}
	err := walk(ctx, dir, base, ".", 0, func(rel string, st *unix.Stat_t, _ *os.File, _ string) error {
		found[rel] = true
		old := saved[rel]
		if old == nil || old.Ino != st.Ino || old.CTime != st.Ctim.Nano() || old.isFile() && old.Size != st.Size {
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
