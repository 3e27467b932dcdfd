package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/repodata"
	"onerpm/bundler/internal/store"
)

// maxPointer bounds a pointer, in bytes: one URL.
const maxPointer = 4096

// indexName is the name of a generation's Index in its folder.
const indexName = "index.json"

// generation is the state of a channel as it was read.
type generation struct {
	id    string
	tag   string // of the pointer, "" when there is none
	index *Index // nil when the channel is not there
}

func pointerName(channel string) string        { return channel + "/mirrorlist" }
func generationName(channel, id string) string { return channel + "/g/" + id + "/" }

// pointerLine is the content of a pointer to a generation under a base.
func pointerLine(channel, id, base string) string {
	return under(base, generationName(channel, id)) + "\n"
}

// current reads what a channel's pointer names, and checks its signature.
func (r *Repo) current(ctx context.Context, channel string) (generation, error) {
	b, info, err := r.read(ctx, pointerName(channel), maxPointer)
	if errors.Is(err, store.ErrNotExist) {
		return generation{}, nil
	}
	if err != nil {
		return generation{}, err
	}
	g := generation{tag: info.Tag}
	if g.id, err = parsePointer(channel, b); err != nil {
		return generation{}, err
	}
	if known := r.known[channel]; known.id == g.id {
		g.index = known.index
	} else if g.index, err = r.index(ctx, channel, g.id); err != nil {
		return generation{}, err
	}
	if want := pointerLine(channel, g.id, g.index.Base); string(b) != want {
		return generation{}, damaged("%s is %.200q, not %q", pointerName(channel), b, want)
	}
	r.known[channel] = g
	return g, nil
}

// parsePointer returns the generation that a pointer names.
func parsePointer(channel string, b []byte) (id string, err error) {
	line, ok := strings.CutSuffix(string(b), "/\n")
	if i := strings.LastIndexByte(line, '/'); ok && i >= 0 {
		id = line[i+1:]
	}
	if !sumGrammar.MatchString(id) || !strings.HasSuffix(line, "/"+channel+"/g/"+id) {
		return "", damaged("%s is %.100q, not the address of a generation", pointerName(channel), b)
	}
	return id, nil
}

// index reads the index of a generation.
func (r *Repo) index(ctx context.Context, channel, id string) (*Index, error) {
	name := generationName(channel, id) + indexName
	b, err := r.signed(ctx, name, MaxIndex)
	if errors.Is(err, store.ErrNotExist) {
		return nil, damaged("%s names %s, which is not there", pointerName(channel), name)
	}
	if err != nil {
		return nil, err
	}
	if got := digest(b); got != id {
		return nil, damaged("%s has sha256 %s", name, got)
	}
	x, err := Decode(bytes.NewReader(b))
	if err != nil {
		return nil, damaged("%s: %w", name, err)
	}
	if x.Channel != channel {
		return nil, damaged("%s is of channel %s", name, x.Channel)
	}
	return x, nil
}

// edit is what is to become of a channel.
type edit struct {
	next Index // what differs from the present one is set; the rest is filled in
	add  []repodata.Entry
	drop []string // SHA-256
	anew bool     // the metadata is made of add alone
}

// advance brings a channel to its next generation. change says what is to be done, from the present state,
// nil for a channel that is not there; a nil edit means nothing. When others were faster, it is asked again.
func (r *Repo) advance(ctx context.Context, channel string, change func(*Index) (*edit, error)) (changed bool, err error) {
	var refused refusals
	for try := 0; ; try++ {
		g, err := r.current(ctx, channel)
		if err != nil {
			return false, err
		}
		if err := refused.check(pointerName(channel), try, g.tag); err != nil {
			return false, err
		}
		e, err := change(g.index)
		if e == nil || err != nil {
			return false, err
		}
		id, base, err := r.write(ctx, channel, g, e)
		if err != nil {
			return false, fmt.Errorf("write the next generation of %s: %w", channel, err)
		}
		when := store.Absent
		if g.tag != "" {
			when = store.IfTag(g.tag)
		}
		_, err = r.put(ctx, pointerName(channel), []byte(pointerLine(channel, id, base)), store.PutOptions{When: when})
		won := err == nil
		if err != nil && !errors.Is(err, store.ErrConflict) {
			return false, fmt.Errorf("make the next generation of %s the current one: %w", channel, err)
		}
		if !won {
			if won, err = r.resolveConflict(ctx, channel, id); err != nil {
				return false, err
			}
		}
		if won {
			return true, r.notePublished(ctx, channel, id, base)
		}
		if err := r.pause(ctx, try); err != nil {
			return false, err
		}
	}
}

// resolveConflict deals with a conflict: it removes the generation that came too late, unless it did not. The answer to a
// put that won may have been lost, and another publisher of the very same may have won with it.
func (r *Repo) resolveConflict(ctx context.Context, channel, id string) (won bool, err error) {
	now, err := r.current(ctx, channel)
	if err != nil {
		return false, err
	}
	if now.id == id || now.index != nil && now.index.follows(id) {
		return true, nil
	}
	for info, err := range r.store.List(ctx, generationName(channel, id)) {
		if err != nil {
			return false, err
		}
		if err := r.store.Delete(ctx, info.Name); err != nil {
			return false, err
		}
	}
	return false, nil
}

// follows reports whether a generation came before this one.
func (x *Index) follows(id string) bool {
	for _, s := range x.Superseded {
		if s.ID == id {
			return true
		}
	}
	return false
}

// mostRefusals is how often a store may say that another one was faster when the file is still the same.
const mostRefusals = 10

// refusals counts in a loop how often a condition of a write was refused although the file is unchanged. A store
// that does so would keep its publishers for ever.
type refusals struct {
	tag string // of the file at the last try
	n   int
}

// check is asked at each try, from 0, with the file's present tag.
func (f *refusals) check(name string, try int, tag string) error {
	if try == 0 || tag != f.tag {
		*f = refusals{tag: tag}
		return nil
	}
	if f.n++; f.n < mostRefusals {
		return nil
	}
	return exit.Errorf(exit.Store, "use a store with conditional writes: docs/publishing.md, What a store must do",
		"replace %s: the store refused it %d times because of its condition, which holds", name, f.n)
}

// pause waits before another try, the longer the more there were, so that many publishers get out of step.
func (r *Repo) pause(ctx context.Context, try int) error {
	most := min(50*time.Millisecond<<min(try, 6), 2*time.Second)
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(rand.N(most)):
		return nil
	}
}

// write puts the next generation into the store, where nobody sees it yet.
func (r *Repo) write(ctx context.Context, channel string, g generation, e *edit) (id, base string, err error) {
	dir, err := os.MkdirTemp("", "bundler-publish-")
	if err != nil {
		return "", "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	previous, revision, err := r.metadata(ctx, channel, g, dir, e.anew)
	if err != nil {
		return "", "", err
	}
	next := filepath.Join(dir, "next")
	if err := os.Mkdir(next, 0o700); err != nil {
		return "", "", err
	}
	now := r.now()
	set, err := repodata.Write(ctx, next, previous, e.add, e.drop, max(now.Unix(), revision+1))
	if err != nil {
		return "", "", err
	}
	x := e.next
	until := r.until(g.index, now)
	x.Version, x.Channel, x.Created, x.Until, x.Repomd = Version, channel, stamp(now), "", digest(set.Repomd)
	if !until.IsZero() {
		x.Until = stamp(until)
	}
	lists := map[string]repodata.File{}
	for _, f := range set.Files {
		lists[topFolder+f.Name] = f
	}
	texts := map[string][]byte{topFolder + "repomd.xml": set.Repomd}
	if channel == Stable {
		plain, err := plainSet(ctx, dir, set, x.Base)
		if err != nil {
			return "", "", err
		}
		x.Plain = digest(plain.Repomd)
		lists[plainFolder+plain.Files[0].Name] = plain.Files[0]
		texts[plainRepomd] = plain.Repomd
	}
	x.Superseded = superseded(g, now)
	text, id, err := Encode(&x)
	if err != nil {
		return "", "", err
	}
	r.known[channel] = generation{id: id, index: x.withLists()} // as it would be read
	texts[indexName] = text
	return id, x.Base, r.upload(ctx, generationName(channel, id), lists, texts, until)
}

// upload puts a generation's files: lists, and texts with their signatures, of which those that dnf reads count until a time.
func (r *Repo) upload(ctx context.Context, at string, lists map[string]repodata.File, texts map[string][]byte, until time.Time) error {
	for _, name := range slices.Collect(maps.Keys(texts)) {
		end := until
		if name == indexName {
			end = time.Time{} // a store that nobody kept fresh is still one that can be changed
		}
		asc, err := r.key.DetachedUntil(texts[name], time.Time{}, end)
		if err != nil {
			return err
		}
		texts[name+".asc"] = asc
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for name, b := range texts {
		group.Go(func() error {
			_, err := r.put(ctx, at+name, b, store.PutOptions{Immutable: true})
			return err
		})
	}
	for name, f := range lists {
		group.Go(func() error {
			return r.putFile(ctx, at+name, f.Path, f.Size, store.PutOptions{Immutable: true})
		})
	}
	return group.Wait()
}

// putFile puts a file of this machine under a name that says its content.
func (r *Repo) putFile(ctx context.Context, name, path string, size int64, o store.PutOptions) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	_, err = r.store.Put(ctx, name, io.NewSectionReader(f, 0, size), o)
	return err
}

// metadata fetches the metadata of a generation into dir, and holds it against the index.
// There is none, nil, when the channel is new or everything is to be made anew.
func (r *Repo) metadata(ctx context.Context, channel string, g generation, dir string, anew bool) (*repodata.Set, int64, error) {
	if g.index == nil {
		return nil, 0, nil
	}
	at := generationName(channel, g.id) + "repodata/"
	b, _, err := r.read(ctx, at+"repomd.xml", repodata.MaxRepomd)
	if err != nil {
		return nil, 0, err
	}
	if got := digest(b); got != g.index.Repomd {
		return nil, 0, damaged("%srepomd.xml has sha256 %s, the index says %s", at, got, g.index.Repomd)
	}
	set, err := repodata.Parse(b)
	if err != nil {
		return nil, 0, damaged("%srepomd.xml: %w", at, err)
	}
	if anew {
		return nil, set.Revision, nil
	}
	group, ctx := errgroup.WithContext(ctx)
	for i := range set.Files {
		f := &set.Files[i]
		f.Path = filepath.Join(dir, f.Name)
		group.Go(func() error { return r.fetch(ctx, at+f.Name, f.Path, f.Size) })
	}
	return set, set.Revision, group.Wait()
}

// fetch copies a file of the store to this machine, of at most size bytes and one that shows that there are more.
func (r *Repo) fetch(ctx context.Context, name, path string, size int64) error {
	rc, _, err := r.store.Open(ctx, name)
	if errors.Is(err, store.ErrNotExist) {
		return damaged("%s is not there", name)
	}
	if err != nil {
		return err
	}
	defer rc.Close() //nolint:errcheck // only read
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, io.LimitReader(rc, size+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// keep is how long what nobody needs any more stays: readers that are slow, and copies in caches, still find it.
const keep = 7 * 24 * time.Hour

// superseded returns the generations before the one that follows g which readers may still be at.
func superseded(g generation, now time.Time) []Superseded {
	if g.index == nil {
		return nil
	}
	var out []Superseded
	for _, s := range g.index.Superseded {
		if at, err := time.Parse(time.RFC3339, s.At); err == nil && now.Sub(at) < keep {
			out = append(out, s)
		}
	}
	return append(out, Superseded{ID: g.id, At: stamp(now)})
}
