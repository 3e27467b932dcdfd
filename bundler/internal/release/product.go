package release

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The grammars of what people write.
var (
	versionGrammar     = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._+~^]{0,63}$`)
	prefixGrammar      = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	fingerprintGrammar = regexp.MustCompile(`^[0-9A-Fa-f]{40}$`)
	postgresGrammar    = regexp.MustCompile(`^(9\.[0-9]+|[1-9][0-9])$`)
)

const (
	versionAllowed     = "a version has letters, digits and . _ + ~ ^"
	fingerprintAllowed = "a fingerprint has 40 hexadecimal digits"
	productFile        = "versions/product.yaml"
	baseFile           = "versions/installed-base.yaml"
)

// How long customers may believe a store, from a day to ten years.
const (
	minFresh = 24 * time.Hour
	maxFresh = 10 * 365 * 24 * time.Hour
)

func (r *reader) product() {
	p := &r.cat.Product
	page := r.decode(productFile, p)
	if page == nil {
		r.wrong(productFile, "there is no such file", "it names the product and the prefix of its bundles")
		r.lost = true
		return
	}
	r.lost = page.doc.Unread()
	r.productPage = page
	page.need(p.Name, "the product's name, for people", "product")
	if page.need(p.Prefix, "the first part of every bundle's name", "prefix") {
		page.match(prefixGrammar, p.Prefix, "a prefix has lower case letters, digits and single dashes", "prefix")
	}
	page.need(p.Vendor, "who makes the bundles", "vendor")
	page.need(p.License, "the bundles' license, as in rpm's License tag", "license")
	for _, line := range []struct{ value, key string }{{p.Name, "product"}, {p.Vendor, "vendor"}, {p.License, "license"}, {p.URL, "url"}} {
		page.oneLine(line.value, line.key)
	}
	for i, edition := range p.Editions {
		page.oneLine(edition, "editions", i)
	}
	page.sourceKind(p.Source, "source")
	page.match(postgresGrammar, p.PostgreSQL, "the oldest version that customers run, as 9.5 or 10", "postgresql")
	for i, key := range p.Keys {
		page.match(fingerprintGrammar, key, fingerprintAllowed, "keys", i)
	}
	if p.Keyring != "" {
		r.inFolder(page, "versions", p.Keyring, false, "keyring")
	}
	if page.doc.Has("fresh") && (p.Fresh.D() < minFresh || p.Fresh.D() > maxFresh) {
		page.wrong("fresh is "+p.Fresh.D().String(), "24h to 87600h: how long customers believe what the store says, e.g. 168h", "fresh")
	}
	for i, u := range p.Unreached {
		if page.need(u.Version, "the release that no jump starts from", "unreached", i, "version") {
			page.match(versionGrammar, u.Version, versionAllowed, "unreached", i, "version")
		}
		page.need(u.Why, "what must happen first; paths shows it", "unreached", i, "why")
		page.oneLine(u.Why, "unreached", i, "why")
	}
}

// InstalledBase is versions/installed-base.yaml: which releases customers still run, and how many of them.
type InstalledBase struct {
	Installed []Installed `yaml:"installed"` // releases that customers run, each once; one without a file in versions/ stands under unreached in product.yaml
}

func (r *reader) installedBase() {
	var base InstalledBase
	page := r.decode(baseFile, &base)
	if page == nil {
		return
	}
	seen := map[string]bool{}
	for i, b := range base.Installed {
		switch {
		case !page.need(b.Release, "the release that customers run", "installed", i, "release"):
		case seen[b.Release]:
			page.wrong(fmt.Sprintf("release %s stands here twice", b.Release), "", "installed", i, "release")
		case r.cat.Release(b.Release) == nil && r.cat.Unreached(b.Release) == "" && !slices.Contains(r.coming, b.Release) && !r.lost:
			page.wrong(fmt.Sprintf("there is no release %s", b.Release),
				"write versions/"+b.Release+".yaml, or say under unreached in "+productFile+" why it has no way", "installed", i, "release")
		}
		seen[b.Release] = true
		if b.Customers < 0 {
			page.wrong("customers is negative", "", "installed", i, "customers")
		}
	}
	r.cat.Base = base.Installed
}

// Unreached returns why no way starts at a release, "" when product.yaml says nothing.
func (c *Catalog) Unreached(version string) string {
	for _, u := range c.Product.Unreached {
		if u.Version == version {
			return u.Why
		}
	}
	return ""
}

// inFolder checks a path that a file names: relative, clean, and what it leads to
// lies in the folder, also behind symbolic links. It returns the path relative to
// the root, "" after a mistake.
func (r *reader) inFolder(p *page, folder, name string, dir bool, path ...any) string {
	if name != filepath.ToSlash(filepath.Clean(name)) || filepath.IsAbs(name) || name == "." || name == ".." || strings.HasPrefix(name, "../") {
		p.wrong(fmt.Sprintf("%q leaves the folder or is not written plainly", name), "a path inside "+folder+"/, without . and ..", path...)
		return ""
	}
	full := filepath.Join(folder, name)
	if what := r.inside(folder, full); what != "" {
		p.wrong(full+" "+what, "", path...)
		return ""
	}
	switch info, err := os.Stat(filepath.Join(r.root, full)); {
	case err != nil:
		p.wrong(full+": "+reason(err), "", path...)
	case dir && !info.IsDir():
		p.wrong(full+" is no folder", "", path...)
	case !dir && !info.Mode().IsRegular():
		p.wrong(full+" is no regular file", "", path...)
	default:
		return full
	}
	return ""
}

// inside says what is wrong with where a path leads, "" when it stays in the folder.
func (r *reader) inside(folder, full string) string {
	home, err := filepath.EvalSymlinks(filepath.Join(r.root, folder))
	if err != nil {
		return "cannot be followed: " + reason(err)
	}
	real, err := filepath.EvalSymlinks(filepath.Join(r.root, full))
	switch {
	case os.IsNotExist(err):
		return "is not there"
	case err != nil:
		return "cannot be followed: " + reason(err)
	case real != home && !strings.HasPrefix(real, home+string(filepath.Separator)):
		return "leads out of " + folder + "/ by a symbolic link"
	}
	return ""
}
