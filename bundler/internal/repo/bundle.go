package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/inspect"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/bundler/internal/sign"
	"onerpm/internal/manifest"
)

// maxCompanion bounds a companion's file, in bytes.
const maxCompanion = 64 << 20

// The companions that build writes beside a bundle, by the end of their names.
const (
	checksum   = "sha256"
	sbom       = "cdx.json"
	provenance = "intoto.json"
	signature  = "intoto.json.asc"
)

// Local is a bundle on this machine that may be published: it is signed with the key that publishes, and so is what is said
// of it. Whether its file is what they say is found out while it is uploaded.
type Local struct {
	Path       string
	Product    string
	Prefix     string
	Bundle     Bundle // without the time at which it is published
	Details    Details
	Reinstate  bool // it may have been withdrawn
	header     *rpmpkg.Package
	companions map[string][]byte // by File.Name
	details    []byte            // Details as they are written
	info       fs.FileInfo       // as it was when it was read
	gate       gate
}

// Load reads the head of the bundle at path, and what build wrote beside it: the statement of provenance is signed and tells the
// SHA-256 of the bundle's file. A bundle that is not signed with key, and companions that are missing, or of another bundle, are
// errors with exit.BadBundle.
func Load(path string, key *sign.Public) (*Local, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, exit.With(exit.Usage, fmt.Errorf("read the bundle: %w", err), "run bundler build")
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, exit.Errorf(exit.Usage, "", "read %s: it is no file", path)
	}
	rep, err := inspect.Head(f, key)
	if err == nil {
		err = problems(path, rep)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	l := &Local{Path: path, Product: rep.Manifest.Product, Prefix: rep.Manifest.Prefix, info: info}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if l.header, err = rpmpkg.Read(f); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if err := l.readCompanions(rep, key); err != nil {
		return nil, exit.With(exit.BadBundle, fmt.Errorf("%s is not published: %w", path, err), "copy everything that bundler build wrote beside it")
	}
	return l, nil
}

// check reads the bundle's file, and reports whether it is whole and the one that its companions are of.
func (l *Local) check(ctx context.Context, r io.Reader) error {
	rep, err := inspect.Digests(&stoppable{ctx, r})
	if err == nil {
		err = problems(l.Path, rep)
	}
	if err == nil && (rep.SHA256 != l.Bundle.SHA256 || rep.Size != l.Bundle.Size) {
		err = exit.Errorf(exit.BadBundle, "copy everything that bundler build wrote beside it",
			"%s is not published: it has sha256 %s, what lies beside it is of %s", l.Path, rep.SHA256, l.Bundle.SHA256)
	}
	return err
}

// checkFile is check for the file by itself.
func (l *Local) checkFile(ctx context.Context) error {
	f, err := os.Open(l.Path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	return l.check(ctx, f)
}

// problems is what a report tells as an error, nil for nothing.
func problems(path string, rep *inspect.Report) error {
	if len(rep.Problems) == 0 {
		return nil
	}
	return exit.Errorf(exit.BadBundle, "build it again with the key that publishes; bundler inspect "+path+" --key FILE shows more",
		"%s is not published, it failed verification: %s", path, strings.Join(rep.Problems, "; "))
}

// stoppable is a reader that stops when nobody wants more.
type stoppable struct {
	ctx context.Context
	r   io.Reader
}

// Read reads from the reader below.
func (c *stoppable) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}

// newBundle tells what is known of a file of that SHA-256 and size.
func newBundle(rep *inspect.Report, key, sum string, size int64) (Bundle, Details) {
	m := rep.Manifest
	return Bundle{
			NEVRA: rep.NEVRA, From: m.From, To: m.To, Short: m.Prefix + "-" + m.To + ".rpm", Revision: m.Revision,
			File: packageName(sum, rep.NEVRA), Size: size, SHA256: sum,
		}, Details{
			Version: Version, NEVRA: rep.NEVRA, SHA256: sum, Key: key, Built: m.Date, Notes: rep.Notes, Changes: changes(m),
		}
}

// describe writes down the details, with what was said of certificates meanwhile.
func (l *Local) describe() (err error) {
	l.details, l.Bundle.Details, err = l.Details.encode()
	return err
}

// files gives the names in the store of what belongs to the bundle, with the content.
func (l *Local) files() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		if !yield(l.Bundle.DetailsFile(), l.details) {
			return
		}
		for _, f := range l.Details.Companions {
			if !yield(f.File, l.companions[f.Name]) {
				return
			}
		}
		for _, name := range slices.Sorted(maps.Keys(l.gate.files)) {
			if !yield(name, l.gate.files[name]) {
				return
			}
		}
	}
}

// readCompanions reads what lies beside the bundle, and describes the bundle by it. The statement of
// provenance is signed and names the bundle and the bill of materials by digest, so its signature holds for both.
func (l *Local) readCompanions(rep *inspect.Report, key *sign.Public) error {
	l.companions = map[string][]byte{}
	for _, name := range []string{checksum, sbom, provenance, signature} {
		f, err := os.Open(l.Path + "." + name)
		if err != nil {
			return err
		}
		b, err := bounded(f, maxCompanion, 0)
		_ = f.Close() // only read
		if err != nil {
			return fmt.Errorf("read %s: %w", f.Name(), err)
		}
		l.companions[name] = b
	}
	sum, _, _ := strings.Cut(string(l.companions[checksum]), " ")
	if !sumGrammar.MatchString(sum) {
		return fmt.Errorf("the checksum beside it is %.70q", sum)
	}
	if err := checkCompanions(l.companions, sum, key); err != nil {
		return err
	}
	l.Bundle, l.Details = newBundle(rep, key.Fingerprint(), sum, l.info.Size())
	for name, b := range l.companions {
		l.Details.Companions = append(l.Details.Companions, File{Name: name, File: l.Bundle.File + "." + name, Size: int64(len(b)), SHA256: digest(b)})
	}
	slices.SortFunc(l.Details.Companions, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// checkCompanions holds companions against the digest of their bundle; verify does it as well.
func checkCompanions(c map[string][]byte, sum string, key *sign.Public) error {
	if said, _, _ := bytes.Cut(c[checksum], []byte(" ")); string(said) != sum {
		return fmt.Errorf("the checksum beside it is %.70q, it has %s", said, sum)
	}
	if err := key.VerifyDetached(bytes.NewReader(c[provenance]), c[signature]); err != nil {
		return fmt.Errorf("the statement of provenance beside it: %w", err)
	}
	if !bytes.Contains(c[provenance], []byte(sum)) || !bytes.Contains(c[provenance], []byte(digest(c[sbom]))) {
		return errors.New("the statement of provenance beside it is of another bundle or another bill of materials")
	}
	return nil
}

// changes tells what an upgrade changes.
func changes(m *manifest.Manifest) Changes {
	c := Changes{Agents: m.Agents != nil}
	evr := func(set []manifest.Package) map[string]string {
		all := map[string]string{}
		for _, p := range set {
			all[p.Name] = p.ShortEVR()
		}
		return all
	}
	from, to := evr(m.Old), evr(m.New)
	for _, p := range m.New {
		change := PackageChange{Name: p.Name, From: from[p.Name], To: to[p.Name], How: Changed}
		switch {
		case change.From == "":
			change.How = Added
		case p.File == "":
			change.How = Kept
		}
		c.Packages = append(c.Packages, change)
	}
	for _, p := range m.Old {
		if to[p.Name] == "" {
			c.Packages = append(c.Packages, PackageChange{Name: p.Name, From: from[p.Name], How: Dropped})
		}
	}
	slices.SortFunc(c.Packages, func(a, b PackageChange) int { return strings.Compare(a.Name, b.Name) })
	for _, s := range m.Services {
		c.Services = append(c.Services, s.Unit)
	}
	for _, f := range m.Config {
		c.Config = append(c.Config, f.Target)
	}
	for _, a := range m.Accept {
		c.Accept = append(c.Accept, a.Said())
	}
	for _, store := range m.Stores {
		c.Stores = append(c.Stores, fmt.Sprintf("%s: %d tables of PostgreSQL, out of Elasticsearch", store.Name, len(store.Tables)))
	}
	for _, f := range m.Files {
		if rest, ok := strings.CutPrefix(f.Path, "migrations/"); ok {
			c.Migrations = append(c.Migrations, filepath.ToSlash(rest))
		}
	}
	return c
}

// unchanged is an error when the file is not the one that was read any more.
func (l *Local) unchanged() error {
	now, err := os.Stat(l.Path)
	if err != nil {
		return fmt.Errorf("publish %s: %w", l.Path, err)
	}
	if !os.SameFile(now, l.info) || now.Size() != l.info.Size() || !now.ModTime().Equal(l.info.ModTime()) {
		return exit.Errorf(exit.BadBundle, "run it again when the build is done", "publish %s: the file changed meanwhile", l.Path)
	}
	return nil
}
