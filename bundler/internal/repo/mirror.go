package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/inspect"
	"onerpm/bundler/internal/sign"
	"onerpm/bundler/internal/store"
)

// mirrorName is a file at the top of a store that is a copy of another one's stable channel. Nobody publishes there.
const mirrorName = "mirror.json"

// Mirror says what a copy is of.
type Mirror struct {
	Version    int    `json:"version"`
	From       string `json:"from"`       // the store's address, as it was given
	Origin     string `json:"origin"`     // URL under which customers read that one
	Base       string `json:"base"`       // and under which they read the copy
	Key        string `json:"key"`        // fingerprint of the key that signed everything
	Generation string `json:"generation"` // of stable
	State      string `json:"state"`      // when that was made
	Bundles    int    `json:"bundles"`
	Bytes      int64  `json:"bytes"`  // of them
	Copied     int64  `json:"copied"` // bytes of those that were not there before
}

// MirrorTo copies what customers get of stable into another store, which they read under url, "" for that store's own: bundles and what lies
// beside them, the metadata for copies, which makes it a plain yum repository, short names, key, and settings and page with the
// new address. Everything is checked as Verify does, before it has its name there. What is there already is not sent again.
// Killed at any moment it leaves a copy that is whole, of the time before or of this one; the next call finishes it.
// What stable does not have any more is removed.
func (r *Repo) MirrorTo(ctx context.Context, to store.Store, url string) (*Mirror, error) {
	m, err := r.mirrorTo(ctx, to, url)
	if err != nil {
		return nil, fmt.Errorf("copy %s to %s: %w", r.store, to, err)
	}
	return m, nil
}

func (r *Repo) mirrorTo(ctx context.Context, to store.Store, url string) (*Mirror, error) {
	key, err := r.storeKey(ctx)
	if err != nil {
		return nil, err
	}
	target, err := Open(to, Options{Public: key, URL: url, Now: r.o.Now, Note: r.o.Note})
	if err != nil {
		return nil, err
	}
	if err := target.isMirror(ctx); err != nil {
		return nil, err
	}
	g, err := r.wholeStable(ctx, key)
	if err != nil {
		return nil, err
	}
	m := &Mirror{Version: Version, From: r.store.String(), Origin: g.index.Base, Base: target.base(""), Key: key.Fingerprint(), Generation: g.id, State: g.index.Created}
	if err := CheckBase(m.Base); err != nil {
		return nil, exit.With(exit.Usage, fmt.Errorf("customers could not read it: %w", err), "copy to another folder or prefix, or say where customers read it: --url")
	}
	if err := target.putMirror(ctx, m); err != nil { // first: from now on nobody takes it for a store of its own
		return nil, err
	}
	c := &copier{Repo: r, to: target, key: key}
	if err := c.bundles(ctx, g.index, m); err != nil {
		return nil, err
	}
	if err := c.generation(ctx, g); err != nil {
		return nil, err
	}
	if err := target.putPlain(ctx, g); err != nil {
		return nil, err
	}
	if err := c.front(ctx, g, m); err != nil {
		return nil, err
	}
	if _, err := target.put(ctx, pointerName(Stable), []byte(pointerLine(Stable, g.id, g.index.Base)), store.PutOptions{}); err != nil {
		return nil, err
	}
	if err := target.putMirror(ctx, m); err != nil {
		return nil, err
	}
	return m, target.prune(ctx, g)
}

// isMirror refuses to copy into a store that is none.
func (r *Repo) isMirror(ctx context.Context) error {
	if _, err := r.store.Stat(ctx, mirrorName); !errors.Is(err, store.ErrNotExist) {
		return err
	}
	for info, err := range r.store.List(ctx, "") {
		if err != nil {
			return err
		}
		return exit.Errorf(exit.Refused, "copy into an empty folder or prefix, or over an earlier copy", "something is there that is no copy: %s", info.Name)
	}
	return nil
}

// mirror reads what the store is a copy of, nil for a store of its own.
func (r *Repo) mirror(ctx context.Context) (*Mirror, error) {
	b, _, err := r.read(ctx, mirrorName, maxPointer)
	if errors.Is(err, store.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var m Mirror
	if err := strict(b, &m); err != nil {
		return nil, damaged("%s: %w", mirrorName, err)
	}
	if err := CheckBase(m.Base); err != nil {
		return nil, damaged("%s: %w", mirrorName, err)
	}
	return &m, nil
}

// refuseMirror refuses to change a store that is a copy.
func (r *Repo) refuseMirror(ctx context.Context) error {
	m, err := r.mirror(ctx)
	if m == nil || err != nil {
		return err
	}
	return exit.Errorf(exit.Refused, "publish there, and run bundler mirror again", "it is a copy of %s", m.From)
}

// verifyMirror checks what customers look at first of a copy.
func (v *verifier) verifyMirror(ctx context.Context, f *Front, m *Mirror) error {
	f.Base = m.Base
	settings := f.Prefix + ".repo"
	if err := v.noteDamage(v.verifyDigest(ctx, settings, digest([]byte(mirrorSetup(f))))); err != nil {
		return err
	}
	if _, err := v.store.Stat(ctx, pageName); errors.Is(err, store.ErrNotExist) {
		v.problem("%s is not there", pageName)
	} else if err != nil {
		return err
	}
	return v.published(ctx, keyPrefix+f.Prefix)
}

// wholeStable returns stable's generation, once its metadata and the published key were found to be whole.
func (r *Repo) wholeStable(ctx context.Context, key *sign.Public) (generation, error) {
	g, err := r.current(ctx, Stable)
	if err != nil {
		return g, err
	}
	switch {
	case g.index == nil:
		return g, exit.Errorf(exit.Usage, "publish a first bundle in stable", "nothing is published there")
	case g.index.Plain == "":
		return g, exit.Errorf(exit.Published, "publish any bundle once more: bundler publish FILE --to "+r.store.String(), "it has no metadata for copies: an older bundler has written it")
	}
	if len(g.index.Bundles) == 0 {
		r.o.Note("stable is empty: what is in testing alone is not copied")
	}
	v := &verifier{Repo: r, key: key}
	for _, err := range []error{v.channel(ctx, Stable, g), v.published(ctx, keyPrefix+g.index.Prefix)} {
		if err := v.noteDamage(err); err != nil {
			return g, err
		}
	}
	if len(v.rep.Problems) > 0 {
		return g, damaged("%s", strings.Join(v.rep.Problems, "\n"))
	}
	if len(v.rep.Stale) > 0 {
		return g, exit.Errorf(exit.Published, refreshHint+", where the store is published", "customers refuse it since %s, and would refuse a copy", g.index.Until)
	}
	return g, nil
}

// copier copies from one store to another.
type copier struct {
	*Repo
	to  *Repo
	key *sign.Public
}

// bundles copies the bundles of stable, and what lies beside them.
func (c *copier) bundles(ctx context.Context, x *Index, m *Mirror) error {
	v := &verifier{Repo: c.Repo, key: c.key}
	for _, b := range x.Bundles {
		m.Bundles++
		m.Bytes += b.Size
		d, err := c.details(ctx, &b)
		if err != nil {
			return err
		}
		if err := v.noteDamage(v.verifyDetails(ctx, b)); err != nil {
			return err
		}
		if len(v.rep.Problems) > 0 {
			return damaged("%s", strings.Join(v.rep.Problems, "\n"))
		}
		if err := c.small(ctx, companionNames(&b, d)); err != nil {
			return err
		}
		sent, err := c.bundle(ctx, &b)
		if err != nil {
			return err
		}
		m.Copied += sent
	}
	return nil
}

// companionNames are the files beside a bundle.
func companionNames(b *Bundle, d *Details) []string {
	names := []string{b.DetailsFile()}
	for _, f := range d.Companions {
		names = append(names, f.File)
	}
	for _, f := range d.Certificates {
		names = append(names, f.File, f.File+".asc")
	}
	return names
}

// small copies small files that never change.
func (c *copier) small(ctx context.Context, names []string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for _, name := range names {
		group.Go(func() error {
			b, _, err := c.read(ctx, name, max(MaxIndex, maxCompanion))
			if errors.Is(err, store.ErrNotExist) {
				return damaged("%s is not there", name)
			}
			if err == nil {
				_, err = c.to.put(ctx, name, b, store.PutOptions{})
			}
			return err
		})
	}
	return group.Wait()
}

// bundle copies a bundle, unless it is there, and returns how many bytes were sent. It is checked on the way, in a file of this machine.
func (c *copier) bundle(ctx context.Context, b *Bundle) (sent int64, err error) {
	info, err := c.to.store.Stat(ctx, b.File)
	if err == nil && info.Size == b.Size {
		c.progress(b.Size)
		return 0, nil
	}
	if err != nil && !errors.Is(err, store.ErrNotExist) {
		return 0, err
	}
	f, err := os.CreateTemp("", "bundler-mirror-")
	if err != nil {
		return 0, exit.With(exit.Output, err, "free disk space in the folder for temporary files, or name another one in TMPDIR")
	}
	defer f.Close() //nolint:errcheck // it is gone already
	if err := os.Remove(f.Name()); err != nil {
		return 0, err
	}
	if err := c.fetchBundle(ctx, b, f); err != nil {
		return 0, err
	}
	_, err = c.to.store.Put(ctx, b.File, io.NewSectionReader(f, 0, b.Size), store.PutOptions{Progress: c.o.Progress})
	return b.Size, err
}

// fetchBundle writes a bundle to a file, and checks it.
func (c *copier) fetchBundle(ctx context.Context, b *Bundle, f *os.File) error {
	rc, _, err := c.store.Open(ctx, b.File)
	if errors.Is(err, store.ErrNotExist) {
		return damaged("%s is not there", b.File)
	}
	if err != nil {
		return err
	}
	rep, err := inspect.Read(io.TeeReader(io.LimitReader(rc, b.Size+1), f), c.key)
	_ = rc.Close() // only read
	switch {
	case err != nil:
		return fmt.Errorf("read %s: %w", b.File, err)
	case rep.SHA256 != b.SHA256 || rep.Size != b.Size || rep.NEVRA != b.NEVRA:
		return damaged("%s is %s with sha256 %s and %d bytes, the index says %s and %d", b.File, rep.NEVRA, rep.SHA256, rep.Size, b.SHA256, b.Size)
	case len(rep.Problems) > 0:
		return damaged("%s: %s", b.File, strings.Join(rep.Problems, "; "))
	}
	return nil
}

func (c *copier) progress(n int64) {
	if c.o.Progress != nil {
		c.o.Progress(n)
	}
}

// generation copies stable's state, which was checked.
func (c *copier) generation(ctx context.Context, g generation) error {
	names := []string{publishedName(Stable, g.id)}
	for info, err := range c.store.List(ctx, generationName(Stable, g.id)) {
		if err != nil {
			return err
		}
		names = append(names, info.Name)
	}
	return c.small(ctx, names)
}

// front writes what customers look at first, with the copy's address.
func (c *copier) front(ctx context.Context, g generation, m *Mirror) error {
	f := frontOf(map[string]generation{Stable: g}, m.Key)
	f.Base, f.Releases = m.Base, list(c.o.Releases)
	if b, err := c.signed(ctx, frontName, 2*MaxIndex); err == nil { // whoever publishes knows the releases
		if origin, err := decodeFront(b); err == nil {
			f.Releases = origin.Releases
		}
	}
	key, _, err := c.read(ctx, keyPrefix+f.Prefix, maxKey)
	if err != nil {
		return err
	}
	files := map[string][]byte{f.Prefix + ".repo": []byte(mirrorSetup(f)), keyPrefix + f.Prefix: key}
	if c.o.Page != nil {
		var page bytes.Buffer
		details := func(bundles []Bundle) (map[string]*Details, error) { return c.Details(ctx, bundles) }
		if err := c.o.Page(&page, f, details); err != nil {
			return err
		}
		files[pageName] = page.Bytes()
	}
	for name, b := range files {
		if _, err := c.to.put(ctx, name, b, store.PutOptions{}); err != nil {
			return err
		}
	}
	for name, b := range f.newest() {
		if err := c.to.store.Copy(ctx, b.File, name); err != nil {
			return err
		}
	}
	return nil
}

// mirrorSetup returns the settings with which yum and dnf use a copy: stable alone, as the plain repository that it is.
func mirrorSetup(f *Front) string {
	return fmt.Sprintf("[%s]\nname=Upgrades of %s\nbaseurl=%s/\nenabled=1\ngpgcheck=1\nrepo_gpgcheck=1\ngpgkey=%s\nmetadata_expire=1h\n",
		f.Prefix, f.Product, f.Base, under(f.Base, keyPrefix+f.Prefix))
}

func (r *Repo) putMirror(ctx context.Context, m *Mirror) error {
	b, err := canonical(m)
	if err != nil {
		return err
	}
	_, err = r.put(ctx, mirrorName, b, store.PutOptions{})
	return err
}

// prune removes from a copy what the generation that it has now does not name.
func (r *Repo) prune(ctx context.Context, g generation) error {
	wanted := map[string]bool{}
	for _, b := range g.index.Bundles {
		wanted[strings.Split(b.File, "/")[1]] = true
	}
	shorts := frontOf(map[string]generation{Stable: g}, "").newest()
	var old []string
	for info, err := range r.store.List(ctx, "") {
		if err != nil {
			return err
		}
		parts := strings.Split(info.Name, "/")
		_, short := shorts[info.Name]
		switch {
		case parts[0] == "packages" && len(parts) == 3 && sumGrammar.MatchString(parts[1]) && !wanted[parts[1]],
			parts[0] == Stable && len(parts) > 2 && slices.Contains([]string{"g", "published"}, parts[1]) && sumGrammar.MatchString(parts[2]) && parts[2] != g.id,
			len(parts) == 1 && strings.HasPrefix(info.Name, g.index.Prefix+"-") && strings.HasSuffix(info.Name, ".rpm") && !short:
			old = append(old, info.Name)
		}
	}
	if err := r.remove(ctx, old); err != nil {
		return err
	}
	return r.sweepPlain(ctx, r.now().Add(-keep))
}
