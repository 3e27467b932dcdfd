package repo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/percent"
	"onerpm/bundler/internal/repodata"
	"onerpm/bundler/internal/sign"
	"onerpm/bundler/internal/store"
)

// Report is what Verify found.
type Report struct {
	Key      string   `json:"key"`      // fingerprint that everything was checked with
	Bundles  int      `json:"bundles"`  // that were read, in whichever channel, withdrawn ones among them
	Bytes    int64    `json:"bytes"`    // of them
	Problems []string `json:"problems"` // sorted; empty: all is as it should be

	// Until is when customers begin to refuse the first of the channels, "" for never. Stale are the channels that they refuse already.
	Until string   `json:"until,omitempty"`
	Stale []string `json:"stale"`
}

// verifier collects what is wrong. It may be used by many at once.
type verifier struct {
	*Repo
	key *sign.Public
	mu  sync.Mutex
	rep Report
}

// Verify reads back everything that the channels' current generations name, and checks it: signatures, digests, bundles,
// short names, settings, key, page. What is wrong is in the report, all of it; the error is about a store that cannot be read.
func (r *Repo) Verify(ctx context.Context) (*Report, error) {
	key, err := r.storeKey(ctx)
	if err != nil {
		return nil, err
	}
	for try := 0; ; try++ {
		before, err := r.pointers(ctx)
		if err != nil {
			return nil, err
		}
		afresh := *r
		afresh.known = map[string]generation{}
		v := &verifier{Repo: &afresh, key: key, rep: Report{Key: key.Fingerprint()}}
		if err := v.verifyAll(ctx); err != nil {
			return nil, fmt.Errorf("verify %s: %w", r.store, err)
		}
		after, err := r.pointers(ctx)
		if err != nil {
			return nil, err
		}
		if len(v.rep.Problems)+len(v.rep.Stale) == 0 || maps.Equal(before, after) || try == 5 {
			slices.Sort(v.rep.Problems)
			v.rep.Problems = list(slices.Compact(v.rep.Problems))
			slices.Sort(v.rep.Stale)
			v.rep.Stale = list(slices.Compact(v.rep.Stale))
			return &v.rep, nil
		}
		r.o.Note("somebody published meanwhile; once more")
	}
}

// pointers reads the pointers as they are.
func (r *Repo) pointers(ctx context.Context) (map[string]string, error) {
	all := map[string]string{}
	for _, c := range Channels {
		b, _, err := r.read(ctx, pointerName(c), maxPointer)
		if err != nil && !errors.Is(err, store.ErrNotExist) && exit.Code(err) != exit.Failed {
			return nil, err
		}
		all[c] = string(b)
	}
	return all, nil
}

func (v *verifier) problem(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.rep.Problems = append(v.rep.Problems, fmt.Sprintf(format, args...))
}

// noteAge notes how long customers believe a channel.
func (v *verifier) noteAge(channel string, x *Index) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.rep.Until = earlier(v.rep.Until, x)
	if v.stale(x) {
		v.rep.Stale = append(v.rep.Stale, channel)
	}
}

// repomd checks the signature of a repomd.xml of a channel.
func (v *verifier) repomd(ctx context.Context, channel, name string) error {
	_, err := v.signed(ctx, name, repodata.MaxRepomd)
	if errors.Is(err, sign.ErrStale) {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.rep.Stale = append(v.rep.Stale, channel)
		return nil
	}
	return v.noteDamage(err)
}

// noteDamage reports an error about the store's content as a problem. Other errors it returns.
func (v *verifier) noteDamage(err error) error {
	var form *repodata.FormatError
	switch code := exit.Code(err); {
	case err == nil:
	case errors.Is(err, store.ErrNotExist), errors.As(err, &form), code == exit.Published, code == exit.BadBundle:
		v.problem("%v", err)
	default:
		return err
	}
	return nil
}

func (v *verifier) verifyAll(ctx context.Context) error {
	m, err := v.mirror(ctx)
	if err != nil {
		return v.noteDamage(err)
	}
	all := map[string]generation{}
	for _, c := range Channels {
		g, err := v.current(ctx, c)
		if err := v.noteDamage(err); err != nil {
			return err
		}
		switch {
		case g.index != nil:
			all[c] = g
		case err == nil && (c == Stable || m == nil):
			v.problem("%s is not there", pointerName(c))
		}
	}
	if _, err := v.latest(ctx); v.noteDamage(err) != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for c, g := range all {
		group.Go(func() error { return v.noteDamage(v.channel(ctx, c, g)) })
	}
	for file, b := range v.bundles(all, m == nil) {
		group.Go(func() error { return v.noteDamage(v.bundle(ctx, file, b)) })
	}
	for _, b := range v.described(all) {
		group.Go(func() error { return v.noteDamage(v.verifyDetails(ctx, b)) })
	}
	f := frontOf(all, v.key.Fingerprint())
	for name, b := range f.newest() {
		group.Go(func() error { return v.noteDamage(v.verifyDigest(ctx, name, b.SHA256)) })
	}
	group.Go(func() error {
		if m != nil {
			return v.noteDamage(v.verifyMirror(ctx, f, m))
		}
		return v.noteDamage(v.verifyFront(ctx, f))
	})
	return group.Wait()
}

// bundles lists all files of bundles; withdrawn ones too, with nothing else known, where they are kept.
func (v *verifier) bundles(all map[string]generation, withdrawn bool) map[string]Bundle {
	files := map[string]Bundle{}
	for _, g := range all {
		for _, w := range g.index.Withdrawn {
			if _, ok := files[w.File]; !ok && withdrawn {
				files[w.File] = Bundle{NEVRA: w.NEVRA, SHA256: w.SHA256, File: w.File}
			}
		}
		for _, b := range g.index.Bundles {
			files[b.File] = b
		}
	}
	return files
}

// described lists the bundles of all channels by their details, which each channel may have others of.
func (v *verifier) described(all map[string]generation) map[string]Bundle {
	files := map[string]Bundle{}
	for _, g := range all {
		for _, b := range g.index.Bundles {
			files[b.DetailsFile()] = b
		}
	}
	return files
}

// channel checks the metadata of a channel; pointer and index were checked when they were read.
func (v *verifier) channel(ctx context.Context, channel string, g generation) error {
	x, at := g.index, generationName(channel, g.id)
	v.noteAge(channel, x)
	if err := v.noteDamage(v.verifyDigest(ctx, publishedName(channel, g.id), digest([]byte(pointerLine(channel, g.id, x.Base))))); err != nil {
		return err
	}
	if err := v.repomd(ctx, channel, at+"repodata/repomd.xml"); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bundler-verify-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a leftover does no harm
	set, _, err := v.metadata(ctx, channel, g, dir, false)
	if err != nil {
		return err
	}
	if err := set.Check(ctx); err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	if err := v.listed(ctx, set, x, x.Base); err != nil || x.Plain == "" {
		return err
	}
	return v.plain(ctx, at, x, set, dir)
}

// listed compares the metadata, in which packages lie under a base, with the index.
func (v *verifier) listed(ctx context.Context, set *repodata.Set, x *Index, base string) error {
	missing := map[string]Bundle{}
	for _, b := range x.Bundles {
		missing[b.SHA256] = b
	}
	for p, err := range set.Packages(ctx) {
		if err != nil {
			return err
		}
		b, ok := missing[p.SHA256]
		delete(missing, p.SHA256)
		want := repodata.Place{Base: base, Href: percent.Path(b.File)}
		switch {
		case !ok:
			v.problem("%s: the metadata has %s, sha256 %s, and the index has not", x.Channel, p.NEVRA(), p.SHA256)
		case p.NEVRA() != b.NEVRA || p.Size != b.Size || p.Place != want:
			v.problem("%s: the metadata says of %s: %s, %d bytes, at %v, not %d, at %v", x.Channel, b.NEVRA, p.NEVRA(), p.Size, p.Place, b.Size, want)
		}
	}
	for _, b := range missing {
		v.problem("%s: the metadata does not list %s", x.Channel, b.NEVRA)
	}
	return nil
}

// verifyDigest reads a file and compares its SHA-256.
func (v *verifier) verifyDigest(ctx context.Context, name, sum string) error {
	rc, _, err := v.store.Open(ctx, name)
	if err != nil {
		return err
	}
	h := sha256.New()
	_, err = io.Copy(h, rc)
	_ = rc.Close() // only read
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != sum {
		v.problem("%s: sha256 is %s, not %s", name, got, sum)
	}
	return nil
}

// verifyFront checks index.json and the files that it names against what the channels say.
func (v *verifier) verifyFront(ctx context.Context, want *Front) error {
	b, err := v.signed(ctx, frontName, 2*MaxIndex)
	if err != nil {
		return err
	}
	f, err := decodeFront(b)
	if err != nil {
		return damaged("%s: %w", frontName, err)
	}
	for name, bundle := range want.newest() {
		want.Shorts = append(want.Shorts, Named{name, bundle.SHA256})
	}
	sortNamed(want.Shorts)
	want.Releases, want.Files = f.Releases, f.Files
	text, err := canonical(want)
	if err != nil {
		return err
	}
	if !bytes.Equal(text, b) {
		v.problem("%s does not say what the channels say", frontName)
	}
	has := map[string]string{}
	for _, n := range f.Files {
		has[n.Name] = n.SHA256
		if err := v.noteDamage(v.verifyDigest(ctx, n.Name, n.SHA256)); err != nil {
			return err
		}
	}
	if settings := want.Prefix + ".repo"; has[settings] != digest([]byte(Setup(want))) {
		v.problem("%s is not what customers need", settings)
	}
	for _, name := range []string{pageName, keyPrefix + want.Prefix} {
		if has[name] == "" {
			v.problem("%s is not in %s", name, frontName)
		}
	}
	return v.published(ctx, keyPrefix+want.Prefix)
}

// published checks that the key that lies there for customers is the one.
func (v *verifier) published(ctx context.Context, name string) error {
	b, _, err := v.read(ctx, name, maxKey)
	if err != nil {
		return err
	}
	key, err := sign.LoadPublic(bytes.NewReader(b))
	if err != nil {
		return damaged("%s: %w", name, err)
	}
	if key.Fingerprint() != v.key.Fingerprint() {
		v.problem("%s has the key %s, and everything is signed with %s", name, key.Fingerprint(), v.key.Fingerprint())
	}
	return nil
}
