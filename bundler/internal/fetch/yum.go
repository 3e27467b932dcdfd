package fetch

import (
	"context"
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"onerpm/bundler/internal/exit"
	"onerpm/internal/nevra"
)

// Limits of what is read of a repository.
const (
	maxRepomd  = 4 << 20 // bytes of repomd.xml
	maxPrimary = 2 << 30 // bytes of primary.xml, uncompressed
	maxPackage = 4 << 20 // bytes of one package's entry in it
)

// checksum is a digest that a repository states.
type checksum struct {
	algo crypto.Hash
	hex  string
}

// parseChecksum reads the type and value of a <checksum>.
func parseChecksum(typ, value string) (*checksum, error) {
	algo, ok := map[string]crypto.Hash{
		"md5": crypto.MD5, "sha": crypto.SHA1, "sha1": crypto.SHA1, "sha224": crypto.SHA224,
		"sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512,
	}[typ]
	value = strings.ToLower(strings.TrimSpace(value))
	if !ok {
		return nil, fmt.Errorf("checksum type %q is not known", typ)
	}
	if raw, err := hex.DecodeString(value); err != nil || len(raw) != algo.New().Size() {
		return nil, fmt.Errorf("%q is no %s", value, typ)
	}
	return &checksum{algo, value}, nil
}

// repository is a yum repository. Its metadata is read once, when the first item
// is looked for, and only what is wanted of it is kept.
type repository struct {
	f      *fetcher
	source string
	wanted map[nevra.ID]bool

	once  sync.Once
	base  place
	found map[nevra.ID][]repoPackage
	err   error
}

// repoPackage is where a repository has a package.
type repoPackage struct {
	place place
	sum   *checksum
}

// repositories prepares the repositories that items are in.
func (f *fetcher) repositories(items []Item) map[string]*repository {
	repos := map[string]*repository{}
	for _, it := range items {
		if !strings.HasPrefix(it.Source, yumPrefix) {
			continue
		}
		if repos[it.Source] == nil {
			repos[it.Source] = &repository{f: f, source: strings.TrimPrefix(it.Source, yumPrefix), wanted: map[nevra.ID]bool{}}
		}
		repos[it.Source].wanted[it.ID] = true
	}
	return repos
}

// find looks an item up by its full name. Where a repository has several files of
// that name, the release's digest decides.
func (r *repository) find(ctx context.Context, it Item) (target, error) {
	r.once.Do(func() { r.err = r.load(ctx) })
	if r.err != nil {
		return target{}, r.err
	}
	list := r.found[it.ID]
	if len(list) == 0 {
		return target{}, exit.Errorf(exit.Missing, "correct the name, evr or arch in the release, or its source", "%s has no such package", r.base)
	}
	for _, p := range list {
		if it.SHA256 == "" && p.sum.hex != list[0].sum.hex {
			return target{}, exit.Errorf(exit.Mismatch, "name the right one as its source", "%s has it twice, with different content", r.base)
		}
		if p.sum.algo != crypto.SHA256 || it.SHA256 == "" || p.sum.hex == it.SHA256 {
			return target(p), nil
		}
	}
	err := &MismatchError{What: "sha256", Got: list[0].sum.hex, Want: it.SHA256, By: "the release"}
	return target{}, exit.With(exit.Mismatch, fmt.Errorf("%s: %w", list[0].place, err),
		"the repository has another build of it: if that is right, run bundler lock RELEASE --update and review the change")
}

// load reads repomd.xml and the list it names. A repository that is renewed in between
// does not fit together for a moment: it is read once more.
func (r *repository) load(ctx context.Context) error {
	base, err := r.f.locate(r.source)
	if err != nil {
		return err
	}
	r.base = base
	if err = r.read(ctx); err != nil && r.base.host() != "" && !errors.Is(err, context.Canceled) && r.f.down.get(r.base.host()) == nil {
		if err := sleep(ctx, r.f.o.Backoff); err != nil {
			return err
		}
		err = r.read(ctx)
	}
	if isMismatch(err) {
		err = exit.With(exit.Mismatch, err, "the repository is damaged or being renewed: try again, or run createrepo_c on it")
	}
	return err
}

func (r *repository) read(ctx context.Context) error {
	at := r.base.join("repodata/repomd.xml")
	var list repodata
	err := r.f.consume(ctx, at, -1, func(in io.Reader) (err error) {
		list, err = parseRepomd(io.LimitReader(in, maxRepomd))
		return err
	})
	if err != nil {
		return damagedMetadata(at, err)
	}
	at = r.base.join(list.href)
	err = r.f.consume(ctx, at, list.size, func(in io.Reader) error {
		found, err := readPrimary(in, list, r.wanted)
		if err != nil {
			return err
		}
		return r.place(found)
	})
	return damagedMetadata(at, err)
}

func damagedMetadata(at place, err error) error {
	var m *metadataError
	if errors.As(err, &m) {
		return exit.With(exit.Mismatch, fmt.Errorf("%s: %w", at, err), "the repository is damaged: run createrepo_c on it, or name another source")
	}
	if err != nil {
		return explain(at, err)
	}
	return nil
}

// consume hands a file to read, again from its beginning where it was cut and cannot be continued.
func (f *fetcher) consume(ctx context.Context, p place, size int64, read func(io.Reader) error) error {
	for try := 1; ; try++ {
		s := f.stream(ctx, p, size)
		c := &counter{r: s}
		err := read(c)
		s.close()
		if c.err != nil {
			err = c.err // what read made of it does not matter
		}
		if !errors.Is(err, errChanged) || try > f.o.Retries {
			return err
		}
		if err := sleep(ctx, f.o.delay(try, err)); err != nil {
			return err
		}
	}
}

// place finds out where packages lie: relative to the repository, or to a base of their own.
func (r *repository) place(found map[nevra.ID][]primaryPackage) error {
	r.found = map[nevra.ID][]repoPackage{}
	for key, list := range found {
		for _, p := range list {
			base, err := r.base, error(nil)
			switch {
			case strings.Contains(p.href, "://"):
				base, err = r.f.locate(p.href)
			case p.base != "":
				base, err = r.f.locate(p.base)
			}
			if err != nil {
				return err
			}
			if !strings.Contains(p.href, "://") {
				base = base.join(p.href)
			}
			if base.host() == "" && r.base.host() != "" {
				return metadataErrorf("%q is a path on the machine that reads it", p.href)
			}
			if strings.HasPrefix(r.base.String(), "https:") && strings.HasPrefix(base.String(), "http:") {
				return metadataErrorf("an https repository leads to %s", base)
			}
			r.found[key] = append(r.found[key], repoPackage{base, p.sum})
		}
	}
	return nil
}
