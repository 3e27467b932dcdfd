package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/percent"
	"onerpm/bundler/internal/sign"
	"onerpm/bundler/internal/store"
)

// Options say how to use a repository.
type Options struct {
	Key      *sign.Key    // who publishes; nil when nothing is going to be changed
	Public   *sign.Public // who must have signed what is there; nil for Key, or else the key that lies in the store itself
	URL      string       // under which customers read the store; "" for the URL it was published with before, or the store's own
	Releases []Release    // for the page
	Page     func(w io.Writer, f *Front, details DetailsFunc) error
	Now      func() time.Time                 // nil for time.Now
	Progress func(n int64)                    // n more bytes of a bundle are stored, or were already; nil for none
	Note     func(format string, args ...any) // what a person may want to know; nil for nobody

	// Fresh is how long customers believe what is written; 0 for ever, nil as long as what is there was to be believed.
	Fresh *time.Duration
}

// Repo is the repository in a store.
type Repo struct {
	store  store.Store
	key    *sign.Key
	public *sign.Public // nil until it is known
	o      Options
	probed bool                  // the store keeps its promises
	known  map[string]generation // by channel: the last that was read or written; a generation never changes
	sent   map[*Local][]string   // what Upload stored and Publish has not finished: the names that were not there before
}

// Open uses the repository in a store, which may be empty.
func Open(s store.Store, o Options) (*Repo, error) {
	r := &Repo{store: s, key: o.Key, public: o.Public, o: o, known: map[string]generation{}, sent: map[*Local][]string{}}
	r.o.URL = strings.TrimSuffix(o.URL, "/")
	if r.o.URL != "" {
		if err := CheckBase(r.o.URL); err != nil {
			return nil, exit.With(exit.Usage, fmt.Errorf("the store's URL: %w", err), "--url https://downloads.example.org/upgrades")
		}
		r.o.URL = cleanBase(r.o.URL)
	}
	if o.Now == nil {
		r.o.Now = time.Now
	}
	if o.Note == nil {
		r.o.Note = func(string, ...any) {}
	}
	if r.public == nil && o.Key != nil {
		armored, err := o.Key.Public()
		if err != nil {
			return nil, fmt.Errorf("the public half of the key: %w", err)
		}
		if r.public, err = sign.LoadPublic(bytes.NewReader(armored)); err != nil {
			return nil, fmt.Errorf("the public half of the key: %w", err)
		}
	}
	return r, nil
}

// now is the time in whole seconds.
func (r *Repo) now() time.Time { return r.o.Now().UTC().Truncate(time.Second) }

// maxKey bounds a published key, in bytes.
const maxKey = 1 << 20

// keyPrefix begins the name of the published key, RPM-GPG-KEY-<p>.
const keyPrefix = "RPM-GPG-KEY-"

// storeKey returns the key that must have signed what is in the store. When none was given, it is the one in the store: then
// a signature says that the store belongs together, and not whose it is.
func (r *Repo) storeKey(ctx context.Context) (*sign.Public, error) {
	if r.public != nil {
		return r.public, nil
	}
	name := ""
	for info, err := range r.store.List(ctx, keyPrefix) {
		if err != nil {
			return nil, err
		}
		if name != "" {
			return nil, damaged("two keys lie there, %s and %s; name the right one with --key", name, info.Name)
		}
		name = info.Name
	}
	if name == "" {
		return nil, exit.Errorf(exit.Usage, "publish a first one: bundler publish FILE --to "+r.store.String(), "nothing is published in %s: it has no %sPREFIX", r.store, keyPrefix)
	}
	b, _, err := r.read(ctx, name, maxKey)
	if err != nil {
		return nil, err
	}
	if r.public, err = sign.LoadPublic(bytes.NewReader(b)); err != nil {
		return nil, damaged("%s: %w", name, err)
	}
	return r.public, nil
}

// Key returns the key that everything in the store must be signed with.
func (r *Repo) Key(ctx context.Context) (*sign.Public, error) { return r.storeKey(ctx) }

// read reads a small file wholly. store.ErrNotExist when it is not there.
func (r *Repo) read(ctx context.Context, name string, limit int64) ([]byte, store.Info, error) {
	rc, info, err := r.store.Open(ctx, name)
	if err != nil {
		return nil, info, err
	}
	b, err := bounded(rc, limit, info.Size)
	if err = errors.Join(err, rc.Close()); err != nil {
		return nil, info, fmt.Errorf("read %s: %w", name, err)
	}
	return b, info, nil
}

// signed reads a file and the signature beside it.
func (r *Repo) signed(ctx context.Context, name string, limit int64) ([]byte, error) {
	key, err := r.storeKey(ctx)
	if err != nil {
		return nil, err
	}
	b, _, err := r.read(ctx, name, limit)
	if err != nil {
		return nil, err
	}
	asc, _, err := r.read(ctx, name+".asc", maxKey)
	if errors.Is(err, store.ErrNotExist) {
		return nil, damaged("%s has no signature beside it", name)
	}
	if err != nil {
		return nil, err
	}
	err = key.VerifyDetached(bytes.NewReader(b), asc)
	if errors.Is(err, sign.ErrStale) {
		return nil, exit.With(exit.Published, fmt.Errorf("%s: customers refuse it: %w", name, err), refreshHint)
	}
	if err != nil {
		return nil, exit.With(exit.Published, fmt.Errorf("%s is not signed with the key %s: %w", name, key.Fingerprint(), err),
			"use the key that the store was published with; if it is the right one, somebody else changed the store")
	}
	return b, nil
}

// sign signs a file. The signature tells the oldest time that the key allows: gpg, and so dnf, takes one from
// the future for a bad one, and not every clock is right. What is signed tells its own time.
func (r *Repo) sign(b []byte) ([]byte, error) { return r.key.Detached(b, time.Time{}) }

// put writes a small file.
func (r *Repo) put(ctx context.Context, name string, b []byte, o store.PutOptions) (string, error) {
	return r.store.Put(ctx, name, bytes.NewReader(b), o)
}

// damaged is an error for what is in the store and fails verification.
func damaged(format string, args ...any) error {
	return exit.Errorf(exit.Published, "run bundler verify to see everything that is wrong", format, args...)
}

// under returns the URL of a name.
func under(base, name string) string { return base + "/" + percent.Path(name) }

// base returns the URL that customers read the store under: what was asked for, or else what the
// store was published with before, for customers have it in their settings. Only a folder may have moved.
func (r *Repo) base(before string) string {
	if r.o.URL != "" {
		return r.o.URL
	}
	own := strings.TrimSuffix(r.store.URL("x"), "/x")
	if before == "" || strings.HasPrefix(before, "file:") && strings.HasPrefix(own, "file:") {
		return own
	}
	return cleanBase(before)
}

// cleanBase writes a base so that everybody takes it for the same address: see package percent.
func cleanBase(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base // CheckBase says so
	}
	return u.Scheme + "://" + u.Host + percent.Escaped(u.EscapedPath())
}
