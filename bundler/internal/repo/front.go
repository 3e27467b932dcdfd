package repo

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"onerpm/bundler/internal/store"
)

const (
	frontName = "index.json"
	pageName  = "index.html"
)

// Front is index.json at the store's top, for programs: all that can be had. It and what it names follow from the
// channels' generations. It is written last: where it is the right one, the others are too.
type Front struct {
	Version   int               `json:"version"`
	Product   string            `json:"product"`
	Prefix    string            `json:"prefix"`
	Base      string            `json:"base"`      // URL under which customers read the store
	Key       string            `json:"key"`       // fingerprint of the key that signs
	Generated string            `json:"generated"` // when the newest generation was made
	Channels  map[string]*Index `json:"channels"`
	Releases  []Release         `json:"releases"` // oldest first
	Shorts    []Named           `json:"shorts"`   // what the short names are, sorted by name
	Files     []Named           `json:"files"`    // page, settings for yum and dnf, key; sorted by name
}

// Release is a release that customers have or ask about.
type Release struct {
	Version string `json:"version"`
	Next    string `json:"next,omitempty"` // where the jump from here leads, published or not
	Why     string `json:"why,omitempty"`  // why no way starts here, for releases that cannot be reached
}

// Named is a file at the store's top.
type Named struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

func sortNamed(names []Named) {
	slices.SortFunc(names, func(a, b Named) int { return cmp.Compare(a.Name, b.Name) })
}

// states reads what the pointers of all channels name now.
func (r *Repo) states(ctx context.Context) (map[string]generation, error) {
	all := map[string]generation{}
	for _, c := range Channels {
		g, err := r.current(ctx, c)
		if err != nil {
			return nil, err
		}
		if g.index != nil {
			all[c] = g
		}
	}
	return all, nil
}

func sameStates(a, b map[string]generation) bool {
	return maps.EqualFunc(a, b, func(x, y generation) bool { return x.id == y.id })
}

// frontOf puts channels together.
func frontOf(all map[string]generation, key string) *Front {
	f := &Front{Version: Version, Key: key, Channels: map[string]*Index{}, Releases: []Release{}, Shorts: []Named{}, Files: []Named{}}
	for _, c := range Channels {
		g, ok := all[c]
		if !ok {
			continue
		}
		f.Channels[c] = g.index
		if g.index.Created >= f.Generated { // the newest knows the product best
			f.Product, f.Prefix, f.Base, f.Generated = g.index.Product, g.index.Prefix, g.index.Base, g.index.Created
		}
	}
	return f
}

// newFront makes the Front of a state, and the content of the files it names. Equal states give equal bytes.
func (r *Repo) newFront(ctx context.Context, all map[string]generation) (*Front, map[string][]byte, error) {
	f := frontOf(all, r.public.Fingerprint())
	f.Releases = list(r.o.Releases)
	for name, b := range f.newest() {
		f.Shorts = append(f.Shorts, Named{name, b.SHA256})
	}
	sortNamed(f.Shorts)
	key, err := r.key.Public()
	if err != nil {
		return nil, nil, err
	}
	files := map[string][]byte{f.Prefix + ".repo": []byte(Setup(f)), keyPrefix + f.Prefix: key}
	if r.o.Page != nil {
		var page bytes.Buffer
		details := func(bundles []Bundle) (map[string]*Details, error) { return r.Details(ctx, bundles) }
		if err := r.o.Page(&page, f, details); err != nil {
			return nil, nil, err
		}
		files[pageName] = page.Bytes()
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f.Files = append(f.Files, Named{name, digest(files[name])})
	}
	return f, files, nil
}

// newest returns what the short names stand for: the newest revision in stable. A bundle that is still being tried has none: whoever
// types a name gets what was certified, or let in by somebody's word.
func (f *Front) newest() map[string]Bundle {
	out := map[string]Bundle{}
	if x := f.Channels[Stable]; x != nil {
		for _, b := range x.Newest() {
			out[b.Short] = b
		}
	}
	return out
}

// decodeFront reads what canonical wrote, and nothing else.
func decodeFront(b []byte) (*Front, error) {
	var f Front
	if err := strict(b, &f); err != nil {
		return nil, err
	}
	for c, x := range f.Channels {
		if x == nil || x.Channel != c {
			return nil, fmt.Errorf("channel %.80q is not there", c)
		}
		if err := x.validate(); err != nil {
			return nil, err
		}
	}
	for _, n := range slices.Concat(f.Shorts, f.Files) {
		if !nameGrammar.MatchString(n.Name) || !sumGrammar.MatchString(n.SHA256) {
			return nil, fmt.Errorf("file %.80q with sha256 %.80q", n.Name, n.SHA256)
		}
	}
	again, err := canonical(&f)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, b) {
		return nil, errors.New("it is not in canonical form")
	}
	return &f, nil
}

// updateFront writes index.json and the files it names, which follow from the channels' generations, again and again until those
// are the same before and after. short is a name that is written whatever the Front says of it, "" for none.
//
// index.json is put last, and only over the one that was read at first. So whoever was overtaken, and may have
// written something older over something newer, finds out and writes everything again.
func (r *Repo) updateFront(ctx context.Context, short string) (*Front, error) {
	wrote := map[string]string{} // by this call: short name -> SHA-256
	var refused refusals
	for try := 0; ; try++ {
		all, err := r.states(ctx)
		if err != nil {
			return nil, err
		}
		f, files, err := r.newFront(ctx, all)
		if err != nil {
			return nil, err
		}
		has, tag, err := r.shorts(ctx)
		if err != nil {
			return nil, err
		}
		if err := refused.check(frontName, try, tag); err != nil {
			return nil, err
		}
		if err := r.putShorts(ctx, f, has, short, wrote); err != nil {
			return nil, err
		}
		if err := r.putPlain(ctx, all[Stable]); err != nil {
			return nil, err
		}
		err = r.putFront(ctx, f, files, tag)
		if err != nil && !errors.Is(err, store.ErrConflict) {
			return nil, err
		}
		if err == nil {
			now, err := r.states(ctx)
			if err != nil || sameStates(all, now) {
				return f, err
			}
		}
		if err := r.pause(ctx, try); err != nil {
			return nil, err
		}
	}
}

// shorts reads what the present index.json says that the short names are, by name, and its tag; "" when it is not there. Nothing
// else of it is looked at, nor its signature: this only spares work, and what is wrong is written anew.
func (r *Repo) shorts(ctx context.Context) (map[string]string, string, error) {
	b, info, err := r.read(ctx, frontName, 2*MaxIndex)
	if errors.Is(err, store.ErrNotExist) {
		return map[string]string{}, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	var front struct {
		Shorts []Named `json:"shorts"`
	}
	has := map[string]string{}
	err = json.Unmarshal(b, &front)
	for _, n := range front.Shorts {
		if !nameGrammar.MatchString(n.Name) || !strings.HasSuffix(n.Name, ".rpm") {
			err = errors.Join(err, fmt.Errorf("short name %.80q", n.Name))
		}
		has[n.Name] = n.SHA256
	}
	if err != nil {
		r.o.Note("%s is written anew: %v", frontName, err)
		return map[string]string{}, info.Tag, nil
	}
	return has, info.Tag, nil
}

// putShorts makes the short names, which stand for has, stand for what they should.
func (r *Repo) putShorts(ctx context.Context, f *Front, has map[string]string, short string, wrote map[string]string) error {
	delete(has, short)
	maps.Copy(has, wrote)
	newest := f.newest()
	for name, b := range newest {
		if has[name] == b.SHA256 {
			continue
		}
		if err := r.store.Copy(ctx, b.File, name); err != nil {
			return fmt.Errorf("make %s of %s: %w", name, b.File, err)
		}
		wrote[name] = b.SHA256
	}
	if short != "" {
		has[short] = "" // also when nobody knows of it
	}
	for name := range has {
		if _, ok := newest[name]; ok {
			continue
		}
		if err := r.store.Delete(ctx, name); err != nil {
			return err
		}
		delete(wrote, name)
	}
	return nil
}

// putFront writes the files that a Front names, its signature, and at last itself, over the one with this tag ("" for none).
func (r *Repo) putFront(ctx context.Context, f *Front, files map[string][]byte, tag string) error {
	text, err := canonical(f)
	if err != nil {
		return err
	}
	asc, err := r.sign(text)
	if err != nil {
		return err
	}
	files[frontName+".asc"] = asc
	for name, b := range files {
		if _, err := r.put(ctx, name, b, store.PutOptions{}); err != nil {
			return err
		}
	}
	when := store.Absent
	if tag != "" {
		when = store.IfTag(tag)
	}
	_, err = r.put(ctx, frontName, text, store.PutOptions{When: when})
	return err
}
