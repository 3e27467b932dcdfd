package repo

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"onerpm/bundler/internal/certify"
	"onerpm/bundler/internal/notes"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/store"
)

// MaxDetails bounds a written Details, in bytes.
const MaxDetails = 4 << 20

// Details are what there is to know of a bundle that only those ask who look at that one. They lie beside
// it, under a name with their digest: when a bundle is certified again there are new ones.
type Details struct {
	Version int    `json:"version"`
	NEVRA   string `json:"nevra"`
	SHA256  string `json:"sha256"` // of the bundle
	Key     string `json:"key"`    // fingerprint of the key that signed it
	Built   string `json:"built"`  // the bundle's own date

	Notes string `json:"notes,omitempty"` // what is new in the release, in Markdown

	Companions   []File        `json:"companions"` // checksum, bill of materials, provenance; sorted by name
	Changes      Changes       `json:"changes"`
	Certificates []Certificate `json:"certificates,omitempty"`
}

// File is a companion of a bundle.
type File struct {
	Name   string `json:"name"` // what it is: the end of the file's name, e.g. "cdx.json"
	File   string `json:"file"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Changes are what an upgrade changes on a machine, for people.
type Changes struct {
	Packages   []PackageChange `json:"packages"`         // sorted by name
	Services   []string        `json:"services"`         // units of both releases, in start order
	Config     []string        `json:"config"`           // files on the machine
	Migrations []string        `json:"migrations"`       // <database>/<file>
	Accept     []string        `json:"accept,omitempty"` // what an admin must accept before, in words, on the machines that it is about
	Stores     []string        `json:"stores,omitempty"` // data that moves from one database into another, in words
	Agents     bool            `json:"agents"`           // agents on other machines are upgraded too
}

// What happens to a package.
const (
	Changed = "changed"
	Added   = "added"
	Dropped = "dropped"
	Kept    = "kept"
)

// PackageChange is what happens to one package.
type PackageChange struct {
	Name string `json:"name"`
	From string `json:"from,omitempty"` // [epoch:]version-release, "" when added
	To   string `json:"to,omitempty"`   // likewise, "" when dropped
	How  string `json:"how"`            // Changed, Added, Dropped or Kept
}

// Certificate says that the bundle was tried on a platform and upgraded it.
type Certificate struct {
	Platform string  `json:"platform"` // e.g. "el7.x86_64"
	File     string  `json:"file"`
	SHA256   string  `json:"sha256"`
	Window   float64 `json:"window"` // seconds out of service
	At       string  `json:"at"`

	Clients  certify.Clients   `json:"clients,omitzero"`    // what they saw in all upgrades together; zero where none could ask
	NoWrites bool              `json:"no_writes,omitempty"` // nothing was written while it upgraded
	LeftOut  []release.LeftOut `json:"left_out,omitempty"`  // what was not compared with the machine before, each with its reason
}

// DetailsFunc returns the Details of some bundles, by their SHA-256.
type DetailsFunc func([]Bundle) (map[string]*Details, error)

// DetailsFile is where the bundle's Details lie in the store.
func (b *Bundle) DetailsFile() string { return b.File + ".details." + b.Details[:16] + ".json" }

// encode returns the one canonical form of d, as Encode does for an Index, and its SHA-256.
func (d *Details) encode() (text []byte, sum string, err error) {
	c := *d
	c.Companions = list(d.Companions)
	c.Changes.Packages, c.Changes.Services = list(d.Changes.Packages), list(d.Changes.Services)
	c.Changes.Config, c.Changes.Migrations = list(d.Changes.Config), list(d.Changes.Migrations)
	if err := c.validate(); err != nil {
		return nil, "", fmt.Errorf("write the details of %s: %w", d.NEVRA, err)
	}
	b, err := canonical(&c)
	if err == nil && len(b) > MaxDetails {
		err = fmt.Errorf("%d bytes, at most %d are allowed", len(b), MaxDetails)
	}
	if err != nil {
		return nil, "", fmt.Errorf("write the details of %s: %w", d.NEVRA, err)
	}
	return b, digest(b), nil
}

// decodeDetails reads what encode wrote, and nothing else.
func decodeDetails(b []byte) (*Details, error) {
	var d Details
	if err := strict(b, &d); err != nil {
		return nil, err
	}
	again, _, err := d.encode()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, b) {
		return nil, errors.New("it is not in canonical form")
	}
	return &d, nil
}

func (d *Details) validate() error {
	v := &validator{}
	say := func(what string) string { return d.NEVRA + ": " + what }
	if d.Version != Version {
		v.add("version is %d", d.Version)
	}
	v.match(nameGrammar, "nevra", d.NEVRA)
	v.match(sumGrammar, say("sha256"), d.SHA256)
	v.match(fingerprintGrammar, say("key"), d.Key)
	v.time(say("built"), d.Built)
	if d.Notes != "" {
		if err := notes.Check(d.Notes); err != nil {
			v.add("%s: notes: %w", d.NEVRA, err)
		}
	}
	for i, f := range d.Companions {
		v.match(nameGrammar, say("companion"), f.Name)
		v.match(sumGrammar, say(f.Name), f.SHA256)
		v.file(d.NEVRA, f.File, packageName(d.SHA256, d.NEVRA)+"."+f.Name)
		if f.Size < 0 || i > 0 && d.Companions[i-1].Name >= f.Name {
			v.add("%s: companion %s has size %d or is out of order", d.NEVRA, f.Name, f.Size)
		}
	}
	v.changes(d.NEVRA, d.Changes)
	for _, c := range d.Certificates {
		v.match(nameGrammar, say("platform"), c.Platform)
		v.match(sumGrammar, say("certificate"), c.SHA256)
		v.time(say("certificate"), c.At)
		if w := c.Clients; !cleanName(c.File) || c.Window < 0 || w.Cut < 0 || w.Failed < w.Cut || w.Requests < w.Failed || w.Longest < 0 || w.Writes < 0 {
			v.add("%s: certificate %q, window %v, clients %+v", d.NEVRA, c.File, c.Window, w)
		}
		for _, l := range c.LeftOut {
			v.text(say("what was not compared"), l.String())
		}
	}
	return errors.Join(v.errs...)
}

func (v *validator) changes(nevra string, c Changes) {
	for i, p := range c.Packages {
		v.text(nevra+": package", p.Name)
		ok := p.How == Changed && p.From != "" && p.To != "" || p.How == Added && p.From == "" && p.To != "" ||
			p.How == Dropped && p.From != "" && p.To == "" || p.How == Kept && p.From != "" && p.From == p.To
		if !ok || i > 0 && cmp.Compare(c.Packages[i-1].Name, p.Name) >= 0 {
			v.add("%s: package %q from %q to %q %q, or out of order", nevra, p.Name, p.From, p.To, p.How)
		}
	}
	for _, t := range slices.Concat(c.Services, c.Config, c.Migrations, c.Stores, c.Accept) {
		v.text(nevra+": a service, configuration file, migration or store", t)
	}
}

// putDetails stores d as the bundle's.
func (r *Repo) putDetails(ctx context.Context, b *Bundle, d *Details) error {
	text, sum, err := d.encode()
	if err != nil {
		return err
	}
	b.Details = sum
	_, err = r.put(ctx, b.DetailsFile(), text, store.PutOptions{Immutable: true})
	if errors.Is(err, store.ErrConflict) {
		return damaged("%s is there with other content, which its name does not allow", b.DetailsFile())
	}
	return err
}

// Details reads what there is to know of some bundles, by their SHA-256. The bundles are of a generation that was
// checked, so its signature holds for them.
func (r *Repo) Details(ctx context.Context, bundles []Bundle) (map[string]*Details, error) {
	all, mu := map[string]*Details{}, sync.Mutex{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for _, b := range bundles {
		group.Go(func() error {
			d, err := r.details(ctx, &b)
			mu.Lock()
			defer mu.Unlock()
			all[b.SHA256] = d
			return err
		})
	}
	return all, group.Wait()
}

func (r *Repo) details(ctx context.Context, b *Bundle) (*Details, error) {
	name := b.DetailsFile()
	text, _, err := r.read(ctx, name, MaxDetails)
	if errors.Is(err, store.ErrNotExist) {
		return nil, damaged("%s is not there", name)
	}
	if err != nil {
		return nil, err
	}
	if got := digest(text); got != b.Details {
		return nil, damaged("%s: sha256 is %s, the index says %s", name, got, b.Details)
	}
	d, err := decodeDetails(text)
	if err != nil {
		return nil, damaged("%s: %w", name, err)
	}
	if d.NEVRA != b.NEVRA || d.SHA256 != b.SHA256 {
		return nil, damaged("%s is of %s, sha256 %s", name, d.NEVRA, d.SHA256)
	}
	return d, nil
}
