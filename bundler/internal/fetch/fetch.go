// Package fetch turns what a release lists into local files that were verified:
// it finds each component in a folder, on a web server, in S3 or in a yum repository, fetches it
// into a cache, and reads it once to prove that it is what the release says.
//
// What is trusted is the release: the digest and size it pins, and the key it
// names. Servers, networks, repository metadata, folders and the cache itself are not: every file is read and
// compared in every run, whether it was fetched now or long ago; only of those in Options.Later that is left to the
// caller. So any transport will do, http:// too, but where
// a source says https, nothing leads to http: a digest is pinned of what came that way.
// Nothing stands under its final name in the cache before all of it was
// verified and synced, whatever is cut or killed; what arrived is kept aside and
// continued. Memory does not grow with the size of files.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/nevra"
)

// Item is one component that is wanted.
type Item struct {
	nevra.ID
	SHA256 string // of the file, lower-case hex; "" in Lock: not known yet
	Size   int64  // bytes of the file; with SHA256
	Source string // where it lies; see release.Component.Source. A relative folder is relative to Options.Root
	Key    string // fingerprint (hex) of the OpenPGP key that must have signed it; "" when it need not be signed
}

// File is a component that is there and verified.
type File struct {
	Item   Item            // SHA256 and Size are filled in, also where they were not known
	Path   string          // in the cache, or in the folder it came from
	Header *rpmpkg.Package // what it says of itself
	Reused bool            // nothing was fetched for it
	// HeadSHA256 is that of the first Header.PayloadOffset bytes of a file whose other bytes the caller compares, see
	// Options.Later; "" for one that was read wholly.
	HeadSHA256 string
}

// Options say how to fetch.
type Options struct {
	Cache    string      // folder; made when it is needed
	Root     string      // that relative folders are relative to; "" is the working folder
	Offline  bool        // take only what is cached or in a folder
	Parallel int         // items at a time; 0 is twice the number of cores
	Keyring  *Keyring    // public keys, needed when an item names one
	Progress func(Event) // called as things go on, never twice at once; nil for none
	// Later has the SHA-256 of items that the caller reads anyway. Of one that is there already, in a folder or the
	// cache, only the headers are read and checked: the caller must compare its bytes with SHA256, Size and HeadSHA256. A
	// file that turns out to be another one is for a call without Later, which tells what is wrong or fetches it anew.
	Later map[string]bool

	Retries int           // further tries after a failure that may pass; 0 is 4
	Backoff time.Duration // before the first of them, doubled each time; 0 is 500 ms
	Stall   time.Duration // without a byte, after which a connection counts as dead; 0 is 30 s
}

// Event says that something happened to an item.
type Event struct {
	Item  Item
	State State
	Bytes int64  // of the file, read so far
	Total int64  // bytes of the file, -1 while it is not known
	Note  string // in Waiting and Failed: why
}

// State is what is being done to an item.
type State string

// The states an item goes through.
const (
	Checking State = "checking" // a local file is read
	Fetching State = "fetching" // bytes arrive
	Waiting  State = "waiting"  // until the next try
	Done     State = "done"
	Failed   State = "failed"
)

// Files returns the verified local file of every item, in the order of items,
// each of which must have a digest and a size. All failing items are reported in one error, of type *Errors when
// there are several: exit code exit.Missing for what cannot be had, exit.Mismatch for what is not
// what the release says, exit.Output for a cache that cannot be written. What was fetched stays in the cache.
func Files(ctx context.Context, items []Item, o Options) ([]File, error) {
	for _, it := range items {
		if !isSHA256(it.SHA256) || it.Size <= 0 {
			return nil, exit.Errorf(exit.Spec, "run bundler lock", "%s has no digest and size in its release", it.NEVRA())
		}
	}
	return fetchAll(ctx, items, o)
}

// Lock is Files for items whose digest and size may be missing: it fetches those and fills them
// in from what was found. Beside the name it must have, such a file is held together only by
// its own digests, its repository's and its signature: this is the moment of first trust.
func Lock(ctx context.Context, items []Item, o Options) ([]File, error) {
	for _, it := range items {
		if it.SHA256 != "" && (!isSHA256(it.SHA256) || it.Size <= 0) {
			return nil, exit.Errorf(exit.Spec, "", "%s: %q with size %d is no digest", it.NEVRA(), it.SHA256, it.Size)
		}
	}
	return fetchAll(ctx, items, o)
}

func fetchAll(ctx context.Context, items []Item, o Options) ([]File, error) {
	f, err := newFetcher(items, o)
	if err != nil {
		return nil, err
	}
	defer f.client.CloseIdleConnections()

	// An item listed twice is fetched once.
	first := map[Item]int{}
	for i, it := range items {
		if _, ok := first[it]; !ok {
			first[it] = i
		}
	}
	files, errs := make([]File, len(items)), make([]error, len(items))
	var g errgroup.Group
	g.SetLimit(f.o.Parallel)
	for i, it := range items {
		if first[it] == i {
			g.Go(func() error {
				files[i], errs[i] = f.fetchItem(ctx, it)
				return nil // the others go on: all failures are reported
			})
		}
	}
	_ = g.Wait()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("fetch: %w", context.Cause(ctx))
	}
	var failed []*ItemError
	for i, it := range items {
		if first[it] != i {
			files[i] = files[first[it]]
		} else if errs[i] != nil {
			failed = append(failed, &ItemError{Item: it, Err: errs[i]})
		}
	}
	return files, joinErrors(failed, len(first))
}

// fetcher holds what the items of one call share.
type fetcher struct {
	o       Options
	client  *httpClient
	buckets *s3Client
	repos   map[string]*repository // by source
	cache   cache
	down    downHosts
	telling sync.Mutex
}

func newFetcher(items []Item, o Options) (*fetcher, error) {
	if o.Parallel <= 0 {
		o.Parallel = 2 * runtime.GOMAXPROCS(0)
	}
	if o.Retries <= 0 {
		o.Retries = 4
	}
	if o.Backoff <= 0 {
		o.Backoff = 500 * time.Millisecond
	}
	if o.Stall <= 0 {
		o.Stall = 30 * time.Second
	}
	dir, err := filepath.Abs(o.Cache)
	if err != nil || o.Cache == "" {
		return nil, exit.With(exit.Output, errors.Join(errors.New("no cache folder"), err), "name one with --cache")
	}
	f := &fetcher{o: o, cache: cache{dir}}
	f.client = newHTTPClient(o.Stall)
	f.buckets = newS3Client(f.client)
	f.repos = f.repositories(items)
	return f, nil
}

// fetchItem makes one item available: from its folder, from the cache, or from its server.
func (f *fetcher) fetchItem(ctx context.Context, it Item) (file File, err error) {
	defer func() {
		if err != nil {
			f.notify(Event{Item: it, State: Failed, Total: total(it), Note: err.Error()})
			return
		}
		f.notify(Event{Item: it, State: Done, Bytes: file.Item.Size, Total: file.Item.Size})
	}()
	if err := ctx.Err(); err != nil {
		return File{}, context.Cause(ctx)
	}
	if !isLocal(it.Source) {
		if file, ok, err := f.cachedOnly(ctx, it, it.Source); ok || err != nil {
			return file, err
		}
	}
	t, err := f.find(ctx, it)
	if err != nil {
		return File{}, err
	}
	if local, ok := t.place.(filePlace); ok {
		return f.inPlace(ctx, it, t, string(local))
	}
	if isLocal(it.Source) { // a repository in a folder whose packages lie elsewhere
		if file, ok, err := f.cachedOnly(ctx, it, t.place.String()); ok || err != nil {
			return file, err
		}
	}
	return f.download(ctx, it, t)
}

// cachedOnly is fromCache, and the end of it when offline.
func (f *fetcher) cachedOnly(ctx context.Context, it Item, source string) (File, bool, error) {
	file, ok, err := f.fromCache(ctx, it)
	if err == nil && !ok && f.o.Offline {
		err = exit.Errorf(exit.Missing, "run once without --offline, or name a folder as its source",
			"not in the cache, and %s is not asked offline", redact(source))
	}
	return file, ok, err
}

// target is where an item was found.
type target struct {
	place place
	sum   *checksum // what a repository says of it; nil when nothing does
}

// find says where an item lies. Only a yum repository is asked for that.
func (f *fetcher) find(ctx context.Context, it Item) (target, error) {
	if r, ok := f.repos[it.Source]; ok {
		return r.find(ctx, it)
	}
	p, err := f.locate(it.Source)
	if err != nil {
		return target{}, err
	}
	if !strings.HasSuffix(p.name(), ".rpm") {
		p = p.join(it.FileName())
	}
	return target{place: p}, nil
}

func (f *fetcher) notify(e Event) {
	if f.o.Progress == nil {
		return
	}
	f.telling.Lock()
	defer f.telling.Unlock()
	f.o.Progress(e)
}

func total(it Item) int64 {
	if it.SHA256 == "" {
		return -1
	}
	return it.Size
}

func isSHA256(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}
