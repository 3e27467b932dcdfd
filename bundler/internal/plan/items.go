package plan

import (
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
)

// Item is one RPM file that the plan needs. It has the fields of fetch.Item, and
// converts to it.
type Item struct {
	nevra.ID
	SHA256 string // of the file, lower-case hex
	Size   int64  // bytes of the file
	Source string // where it lies; see release.Component.Source
	Key    string // fingerprint of the key that must have signed it; "" when it need not be signed
}

// ItemOf makes the item of a component, whose digest may be missing.
func ItemOf(cat *release.Catalog, r *release.Release, c release.Component) Item {
	return Item{ID: c.ID(), SHA256: c.SHA256, Size: c.Size, Source: cat.SourceOf(r, c), Key: r.Key}
}

// Items returns every file that the plan needs: for each change, in their order,
// the old one and then the new one. An unchanged package is in it once, for the
// checks; it does not go into the bundle.
func (p *Plan) Items() []Item {
	var out []Item
	for _, c := range p.Changes {
		if c.Old != nil && c.Kind != Unchanged {
			out = append(out, ItemOf(p.catalog, p.From, *c.Old))
		}
		if c.New != nil {
			out = append(out, ItemOf(p.catalog, p.To, *c.New))
		}
	}
	return out
}

// Headers are what the packages say of themselves, by name, for both releases.
// They are not one map by NEVRA, because both may have files of the same one.
type Headers struct {
	Old map[string]*rpmpkg.Package
	New map[string]*rpmpkg.Package
}

// Attach puts the headers of the fetched items, in the order of Items, in their places.
func (p *Plan) Attach(inOrder []*rpmpkg.Package) Headers {
	h := Headers{Old: map[string]*rpmpkg.Package{}, New: map[string]*rpmpkg.Package{}}
	i := 0
	take := func() *rpmpkg.Package {
		i++
		return inOrder[i-1]
	}
	for _, c := range p.Changes {
		if c.Old != nil && c.Kind != Unchanged {
			h.Old[c.Name] = take()
		}
		if c.New != nil {
			h.New[c.Name] = take()
		}
		if c.Kind == Unchanged {
			h.Old[c.Name] = h.New[c.Name]
		}
	}
	return h
}

// Packages returns the whole set of a side as the manifest has it: those that
// change with their place in the bundle, packages/ for the new and rollback/ for the old ones.
func (p *Plan) Packages(side manifest.Side, h Headers) []manifest.Package {
	out := []manifest.Package{}
	for _, c := range p.Changes {
		component, header, folder := c.New, h.New[c.Name], "packages/"
		if side == manifest.Old {
			component, header, folder = c.Old, h.Old[c.Name], "rollback/"
		}
		if component == nil {
			continue
		}
		pkg := manifest.Package{ID: component.ID(), Optional: component.Optional, SHA256: component.SHA256, Size: component.Size}
		pkg.Early, pkg.Late = p.partOf(c.Name) == early, p.partOf(c.Name) == late
		if header != nil {
			pkg.Installed = header.InstalledSize()
		}
		if c.Kind != Unchanged {
			pkg.File = folder + pkg.FileName()
		}
		out = append(out, pkg)
	}
	return out
}

// ManifestConfig returns the configuration files as the manifest has them, with
// their places in the bundle below config/old and config/new.
func (p *Plan) ManifestConfig() []manifest.Config {
	out := []manifest.Config{}
	for _, f := range p.Config {
		c := f.Rules
		c.Target, c.Format = f.Target, f.Format
		if f.Old != nil {
			c.Old = "config/old" + f.Target
		}
		if f.New != nil {
			c.New = "config/new" + f.Target
		}
		out = append(out, c)
	}
	return out
}
