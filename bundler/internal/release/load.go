package release

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/mistake"
	"onerpm/bundler/internal/strictyaml"
)

// Catalog is all that versions/ and specs/ say.
type Catalog struct {
	Root     string // the project's folder
	Product  Product
	Releases []*Release        // oldest first: in the order of the jumps, chains without a connection by date
	Jumps    map[string]string // release -> the one that a jump leads to
	Specs    map[string]*Spec  // by the jump's name, <from>-<to>
	Base     []Installed       // which releases customers still run; may be empty
	Warnings mistake.List      // what is no mistake and wants a look
}

// Installed is one line of versions/installed-base.yaml.
type Installed struct {
	Release   string `yaml:"release"`   // the release that customers run
	Customers int    `yaml:"customers"` // how many customers run it
}

// Load reads versions/ and specs/ under root. When anything is wrong, the error is
// a mistake.List with all of it (exit code exit.Spec), and there is no catalog.
func Load(root string) (*Catalog, error) { return newReader(root).load() }

// LoadBefore is Load for a project in which some releases are about to be written:
// versions/installed-base.yaml may name them already, and of the product something may be undecided.
func LoadBefore(root string, coming ...string) (*Catalog, error) {
	r := newReader(root)
	r.coming, r.early = coming, true
	return r.load()
}

func newReader(root string) *reader {
	return &reader{root: root, cat: &Catalog{Root: root, Jumps: map[string]string{}, Specs: map[string]*Spec{}}, pages: map[string]*page{}, ups: map[string]*section{}}
}

func (r *reader) load() (*Catalog, error) {
	r.product()
	r.releases()
	r.installedBase()
	r.specs()
	if r.productPage != nil {
		r.unreached()
	}
	r.order()
	if r.early {
		r.mistakes = slices.DeleteFunc(r.mistakes, func(m mistake.Mistake) bool { return m.File == productFile && strictyaml.IsUndecided(m) })
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	r.cat.Warnings.Sort()
	return r.cat, nil
}

// File is a file that was read, so that it can be edited.
type File struct {
	Path   string // on this machine
	Source []byte
	Doc    *strictyaml.Doc
}

// LoadRelease reads versions/product.yaml and one release, and nothing else, so that
// a release can be worked on while another file has mistakes. The catalog has that release alone.
func LoadRelease(root, version string) (*Catalog, *File, error) {
	if !versionGrammar.MatchString(version) {
		return nil, nil, exit.Errorf(exit.Usage, "", "%q is no release: %s", version, versionAllowed)
	}
	name := "versions/" + version + ".yaml"
	if _, err := os.Stat(filepath.Join(root, name)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, exit.Errorf(exit.Usage, "choose one of the files in versions/", "there is no release %q: no %s", version, name)
	}
	r := &reader{root: root, cat: &Catalog{Root: root}}
	r.product()
	rel, p := r.release(version)
	if err := r.err(); err != nil {
		return nil, nil, err
	}
	r.cat.Releases = []*Release{rel}
	return r.cat, &File{Path: filepath.Join(root, name), Source: p.source, Doc: p.doc}, nil
}

// Release returns the release of a version, nil when there is none.
func (c *Catalog) Release(version string) *Release {
	for _, r := range c.Releases {
		if r.Version == version {
			return r
		}
	}
	return nil
}

// Spec returns the spec of a jump, <from>-<to>. The error names the jumps there are.
func (c *Catalog) Spec(jump string) (*Spec, error) {
	if s := c.Specs[jump]; s != nil {
		return s, nil
	}
	hint := "choose one of the jumps: " + strings.Join(c.JumpNames(), ", ")
	if len(c.Specs) == 0 {
		hint = "write the first one: bundler new FROM-TO --old DIR --new DIR"
	}
	return nil, exit.Errorf(exit.Usage, hint, "there is no jump %q in specs/", jump)
}

// JumpNames returns the names of all jumps, oldest first.
func (c *Catalog) JumpNames() []string {
	var names []string
	for _, r := range c.Releases {
		if to := c.Jumps[r.Version]; to != "" {
			names = append(names, r.Version+"-"+to)
		}
	}
	return names
}

// reader collects the catalog and the mistakes.
type reader struct {
	root     string
	cat      *Catalog
	mistakes mistake.List
	pages    map[string]*page // of the releases, by version

	ups map[string]*section // what migrations do, by file; nil for one without it

	productPage *page
	coming      []string // releases that may be named and are not there yet
	early       bool     // what is undecided in product.yaml is no mistake yet
	lost        bool     // product.yaml could not be read: what depends on it is not checked
}

func (r *reader) err() error {
	r.mistakes.Sort()
	return exit.With(exit.Spec, r.mistakes.Err(), "")
}

func (r *reader) wrong(file, what, allowed string) {
	r.mistakes.Add(mistake.Mistake{File: file, What: what, Allowed: allowed})
}

// decode reads a file, named relative to the root, into a struct; nil when there is no such file.
func (r *reader) decode(name string, into any) *page {
	src, err := readBounded(filepath.Join(r.root, name), strictyaml.MaxBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		r.wrong(name, "cannot be read: "+reason(err), "")
		return unread()
	}
	doc, mistakes := strictyaml.Decode(name, src, into)
	for _, m := range mistakes {
		r.mistakes.Add(m)
	}
	if doc.Unread() {
		return unread()
	}
	return &page{doc: doc, source: src, into: &r.mistakes}
}

// unread is the page of a file that could not be read: what the checks find in it
// would only be noise.
func unread() *page { return &page{doc: new(strictyaml.Doc), into: new(mistake.List)} }

// readBounded reads a regular file that has at most limit bytes and one more, so
// that the caller can tell that there are too many.
func readBounded(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	return io.ReadAll(io.LimitReader(f, limit+1))
}

// reason is an error without the path, which the mistake names already.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// page is a file that was read, for the checks that come after.
type page struct {
	doc    *strictyaml.Doc
	source []byte
	into   *mistake.List
}

// wrong reports a mistake at a path of the file, unless the value there could not
// be read in the first place.
func (p *page) wrong(what, allowed string, path ...any) {
	if p.doc.Broken(path...) {
		return
	}
	p.into.Add(p.doc.Mistake(what, allowed, path...))
}

// need reports a value that is missing or empty, and reports whether it is there.
func (p *page) need(value, allowed string, path ...any) bool {
	if value != "" {
		return true
	}
	p.missing(allowed, path...)
	return false
}

// maxLine bounds a text that is shown on one line, in bytes; the store's index takes no more.
const maxLine = 4096

// oneLine reports a text that does not fit where it is shown: in an RPM's header, in the
// store's index, in a row of a table.
func (p *page) oneLine(value string, path ...any) {
	switch {
	case value != "" && strings.TrimSpace(value) == "":
		p.wrong(subject(path)+" is blank", "text, or nothing at all", path...)
	case strings.ContainsAny(value, "\n\t"):
		p.wrong(subject(path)+" is not one line of text", "no line breaks and tabs; >- joins lines", path...)
	case len(value) > maxLine:
		p.wrong(fmt.Sprintf("%s has %d bytes", subject(path), len(value)), fmt.Sprintf("at most %d", maxLine), path...)
	}
}

// missing reports that there is no value, or an empty one, at a path.
func (p *page) missing(allowed string, path ...any) {
	if p.doc.Has(path...) {
		p.wrong(subject(path)+" is empty", allowed, path...)
		return
	}
	m := p.doc.Mistake("no "+subject(path), allowed, path[:len(path)-1]...)
	for _, old := range *p.into { // several keys may be missing at one place
		if old == m {
			return
		}
	}
	*p.into = append(*p.into, m)
}

// match reports a value that does not look as it must; an empty one is need's business.
func (p *page) match(pattern *regexp.Regexp, value, allowed string, path ...any) bool {
	if value == "" || pattern.MatchString(value) {
		return true
	}
	p.wrong(fmt.Sprintf("%q is not a valid %s", value, subject(path)), allowed, path...)
	return false
}

// oneOf reports a value that is not in the list.
func (p *page) oneOf(allowed []string, value string, path ...any) {
	if value != "" && !slices.Contains(allowed, value) {
		p.wrong(fmt.Sprintf("%q is not a valid %s", value, subject(path)), "allowed: "+strings.Join(allowed, ", "), path...)
	}
}

// lastKey is the key that a path ends in, whatever place in a list follows.
func lastKey(path []any) string {
	for i := len(path) - 1; i >= 0; i-- {
		if key, is := path[i].(string); is {
			return key
		}
	}
	return "value"
}

// subject names what a path leads to: for a place in a list, one of its things.
func subject(path []any) string {
	if _, inList := path[len(path)-1].(int); inList {
		return strings.TrimSuffix(lastKey(path), "s")
	}
	return lastKey(path)
}
