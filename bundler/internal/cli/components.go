package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/fetch"
	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/rpmpkg"
)

// SourceOptions say how components are had.
type SourceOptions struct {
	Cache   string // "" is .cache/components of the project
	Offline bool
}

func sourceFlags(o *SourceOptions) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "cache", Usage: "keep fetched components in `DIR`", DefaultText: ".cache/components of the project", Destination: &o.Cache},
		&cli.BoolFlag{Name: "offline", Usage: "use no network: only what is cached or in a folder", Destination: &o.Offline},
	}
}

// fetchItems returns the verified files of items, in their order, and shows how it
// goes. Items without a digest are verified as far as that goes, for lock. later is that of fetch.Options.
func fetchItems(ctx context.Context, s *streams, cat *release.Catalog, items []plan.Item, o SourceOptions, later map[string]bool) ([]fetch.File, error) {
	keys, err := keyring(cat)
	if err != nil {
		return nil, err
	}
	wanted := make([]fetch.Item, len(items))
	var total int64
	for i, it := range items {
		wanted[i] = fetch.Item(it)
		total += it.Size
	}
	o.Cache = cacheOf(cat, o)
	p := newProgress(s, "fetch", total)
	read, fetched := map[fetch.Item]int64{}, map[fetch.Item]bool{}
	get := fetch.Files
	if slices.ContainsFunc(items, func(it plan.Item) bool { return it.SHA256 == "" }) {
		get = fetch.Lock
	}
	files, err := get(ctx, wanted, fetch.Options{
		Cache: o.Cache, Root: cat.Root, Offline: o.Offline, Keyring: keys, Later: later,
		Progress: func(e fetch.Event) {
			p.add(e.Bytes - read[e.Item])
			read[e.Item] = e.Bytes
			switch e.State {
			case fetch.Fetching:
				fetched[e.Item] = true
			case fetch.Waiting:
				p.note("%s: %s; trying again", e.Item.NEVRA(), e.Note)
			case fetch.Done:
				if fetched[e.Item] {
					p.note("%s, %s", e.Item.NEVRA(), size(e.Total))
				}
			}
		},
	})
	if err == nil {
		p.note("%s", fetchedText(files))
	}
	p.end(err)
	return files, err
}

// cacheOf is the folder that components are kept in.
func cacheOf(cat *release.Catalog, o SourceOptions) string {
	if o.Cache != "" {
		return o.Cache
	}
	return filepath.Join(cat.Root, ".cache", "components")
}

// fetchedText says what was fetched and verified.
func fetchedText(files []fetch.File) string {
	reused, unread := 0, 0
	for _, f := range files {
		if f.Reused {
			reused++
		}
		if f.HeadSHA256 != "" {
			unread++
		}
	}
	if unread == 0 {
		return fmt.Sprintf("%s verified, %d of them there already", plural(len(files), "package"), reused)
	}
	return fmt.Sprintf("%s, %d of them there already; %d are verified as they are packed", plural(len(files), "package"), reused, unread)
}

// headers returns what fetched packages say of themselves, by name.
func headers(p *plan.Plan, files []fetch.File) plan.Headers {
	list := make([]*rpmpkg.Package, len(files))
	for i, f := range files {
		list[i] = f.Header
	}
	return p.Attach(list)
}

// keyring reads the public keys that components may be signed with, nil when the product has none.
func keyring(cat *release.Catalog) (*fetch.Keyring, error) {
	if cat.Product.Keyring == "" {
		return nil, nil
	}
	path := filepath.Join(cat.Root, "versions", cat.Product.Keyring)
	f, err := os.Open(path)
	if err != nil {
		return nil, exit.With(exit.Spec, fmt.Errorf("read the keyring: %w", err), "")
	}
	defer f.Close() //nolint:errcheck // only read
	keys, err := fetch.ReadKeyring(f)
	if err != nil {
		return nil, exit.With(exit.Spec, fmt.Errorf("read the keyring %s: %w", path, err), "")
	}
	return keys, nil
}
