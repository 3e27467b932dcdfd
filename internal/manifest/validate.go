package manifest

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"onerpm/internal/unit"
)

// Name is the manifest's own path in the bundle. It is the one file that Files does not list.
const Name = "manifest.json"

var (
	// version and prefix become parts of paths and package names.
	versionGrammar = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._+~^]{0,63}$`)
	prefixGrammar  = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._+-]{0,63}$`)
	nameGrammar    = regexp.MustCompile(`^[0-9A-Za-z_][0-9A-Za-z._+-]{0,255}$`)
	evrGrammar     = regexp.MustCompile(`^[0-9]+:[0-9A-Za-z._+~^]+-[0-9A-Za-z._+~^]+$`)
	sha256Grammar  = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// MaxNames bounds what a bundle's names take in a session of a database, in characters:
// the prefix, the release that the jump leads to and the revision together. The engine
// calls its sessions "<prefix> <release>-<revision>-<20 of the time> <8 of its own>" and
// finds by that name what a killed one left; PostgreSQL cuts names after 63 bytes.
const MaxNames = 31

// Names is what the manifest's names take of [MaxNames].
func (m *Manifest) Names() int {
	return len(m.Prefix) + len(m.To) + len(strconv.Itoa(m.Revision))
}

// Validate says everything that makes m unusable: names and versions that could
// not stand in a path, paths that leave the bundle, files that are listed twice
// or not at all, lists that are not in their order. It does not look at the
// bundle's files.
func (m *Manifest) Validate() error {
	v := &validator{files: make(map[string]File, len(m.Files)), isRebuilt: map[string]bool{}}
	v.head(m)
	v.fileList(m.Files)
	v.solid(m)
	v.packages("old", m.Old)
	v.packages("new", m.New)
	v.sameWhenAbsent(m)
	v.listed("undo", m.Undo)
	v.listed("drop", m.Drop)
	v.parts(m)
	v.moves(m)
	v.host(m)
	v.databases(m.Databases)
	v.stores(m)
	if n := m.Names(); n > MaxNames && len(m.Databases) > 0 {
		v.add("prefix, release and revision have %d characters together, more than %d: the names of database sessions would be cut", n, MaxNames)
	}
	v.accept(m.Accept)
	v.hooks(m.Hooks)
	v.agents(m.Agents)
	v.known(m.Known)
	return errors.Join(v.errs...)
}

type validator struct {
	files     map[string]File
	isRebuilt map[string]bool // by a package's File
	errs      []error
}

func (v *validator) add(format string, a ...any) { v.errs = append(v.errs, fmt.Errorf(format, a...)) }

func (v *validator) head(m *Manifest) {
	if m.Format != Format {
		v.add("format is %d, not %d", m.Format, Format)
	}
	if !prefixGrammar.MatchString(m.Prefix) {
		v.add("prefix %q is no prefix of a package name", m.Prefix)
	}
	for _, s := range []string{m.From, m.To} {
		if !versionGrammar.MatchString(s) {
			v.add("%q is no version", s)
		}
	}
	if m.Revision < 1 {
		v.add("revision is %d, the first is 1", m.Revision)
	}
	if t, err := time.Parse(time.RFC3339, m.Date); err != nil || t.UTC().Format(time.RFC3339) != m.Date {
		v.add("date %q is not written as 2006-01-02T15:04:05Z", m.Date)
	}
}

func (v *validator) fileList(files []File) {
	last := ""
	for _, f := range files {
		switch {
		case !CleanPath(f.Path):
			v.add("file %q: not a clean path inside the bundle", f.Path)
			continue
		case f.Path == Name:
			v.add("file %q: the manifest cannot list itself", f.Path)
		case f.Path <= last:
			v.add("file %q: listed twice or out of order", f.Path)
		}
		last = f.Path
		if f.Size < 0 {
			v.add("file %q: size %d", f.Path, f.Size)
		}
		if !sha256Grammar.MatchString(f.SHA256) {
			v.add("file %q: %q is no sha256", f.Path, f.SHA256)
		}
		if f.Mode&^0o777 != 0 {
			v.add("file %q: mode %#o has more than permission bits", f.Path, f.Mode)
		}
		v.files[f.Path] = f
	}
	for p := range v.files {
		for d := path.Dir(p); d != "."; d = path.Dir(d) {
			if _, ok := v.files[d]; ok {
				v.add("file %q: %q is a file, not a folder", p, d)
			}
		}
	}
}

// CleanPath reports whether p is a relative, slash separated path that stays
// where it starts and is written in the one shortest way, without control
// characters.
func CleanPath(p string) bool {
	return p != "" && p != "." && utf8.ValidString(p) && len(p) < 4096 &&
		path.Clean(p) == p && !path.IsAbs(p) && p != ".." && !strings.HasPrefix(p, "../") &&
		!strings.ContainsFunc(p, control)
}

func control(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }

// cleanTarget reports whether p is a clean absolute path on the host other than its root.
func cleanTarget(p string) bool { return strings.HasPrefix(p, "/") && CleanPath(p[1:]) }

// listed demands that a path, when given, is one of Files.
func (v *validator) listed(what, p string) {
	if p == "" {
		return
	}
	if _, ok := v.files[p]; !ok {
		v.add("%s: %q is not among the files", what, p)
	}
}

func (v *validator) packages(side string, set []Package) {
	last := ""
	for _, p := range set {
		if !nameGrammar.MatchString(p.Name) || !evrGrammar.MatchString(p.EVR()) || !nameGrammar.MatchString(p.Arch) {
			v.add("%s package %q: no name, epoch:version-release and architecture as rpm has them", side, p.NEVRA())
		}
		if p.Name <= last {
			v.add("%s package %q: listed twice or out of order", side, p.Name)
		}
		last = p.Name
		if !sha256Grammar.MatchString(p.SHA256) {
			v.add("%s package %q: %q is no sha256", side, p.Name, p.SHA256)
		}
		if p.Size < 0 || p.Installed < 0 {
			v.add("%s package %q: a negative size", side, p.Name)
		}
		if !v.isRebuilt[p.File] {
			v.listed(side+" package "+p.Name, p.File)
		}
		if f, ok := v.files[p.File]; ok && (f.SHA256 != p.SHA256 || f.Size != p.Size) {
			v.add("%s package %q: size or sha256 differ from those of %q", side, p.Name, p.File)
		}
	}
}

// sameWhenAbsent demands that a package without a file is the very same one on the other side.
func (v *validator) sameWhenAbsent(m *Manifest) {
	without := func(side string, set, other []Package) {
		sums := make(map[string]string, len(other))
		for _, p := range other {
			sums[p.Name] = p.SHA256
		}
		for _, p := range set {
			if p.File == "" && sums[p.Name] != p.SHA256 {
				v.add("%s package %q: it has no file, and the other release does not have this very package", side, p.Name)
			}
		}
	}
	without("old", m.Old, m.New)
	without("new", m.New, m.Old)
}

// host looks at what names things on the host: scriptlets, units, paths.
func (v *validator) host(m *Manifest) {
	for _, s := range m.Skip {
		switch s.Kind {
		case "pre", "post", "preun", "postun":
		default:
			v.add("skip %s: %q is no kind of scriptlet that can be left out", s.Package, s.Kind)
		}
	}
	for _, s := range m.Services {
		if err := unit.Check(s.Unit); err != nil {
			v.add("service %q is no unit of a product: %w", s.Unit, err)
		}
		for _, mistake := range s.Mistakes(m.Stores) {
			v.add("service %q: %s%s", s.Unit, joinPath(mistake.Path), mistake.What)
		}
	}
	for _, p := range m.State {
		if !cleanTarget(p) {
			v.add("state %q: not a clean absolute path", p)
		}
	}
	last := ""
	for _, c := range m.Config {
		if !cleanTarget(c.Target) {
			v.add("config %q: not a clean absolute path", c.Target)
		}
		if c.Target <= last {
			v.add("config %q: listed twice or out of order", c.Target)
		}
		last = c.Target
		if c.InPackage() && c.Old+c.New != "" {
			v.add("config %q: both in a package and in the bundle", c.Target)
		}
		v.listed("config "+c.Target, c.Old)
		v.listed("config "+c.Target, c.New)
	}
}

func (v *validator) databases(dbs []Database) {
	seen := map[string]bool{}
	for _, d := range dbs {
		if !nameGrammar.MatchString(d.Name) || seen[d.Name] {
			v.add("database %q: no name, or one that is there twice", d.Name)
		}
		seen[d.Name] = true
		for _, mistake := range d.Mistakes() {
			v.add("database %q: %s%s", d.Name, joinPath(mistake.Path), mistake.What)
		}
		v.listed("database "+d.Name, d.Checks)
		for _, folder := range d.Programs {
			if !path.IsAbs(folder) {
				v.add("database %q: programs in %q, which is no absolute path", d.Name, folder)
			}
		}
		if d.Migrations != "" && !v.isFolder(d.Migrations) {
			v.add("database %q: no file lies in %q", d.Name, d.Migrations)
		}
	}
}

// stores demands mappings that can be used, each into a database of this bundle.
func (v *validator) stores(m *Manifest) {
	seen := map[string]bool{}
	for _, s := range m.Stores {
		for _, mistake := range s.Check() {
			v.add("store %q: %s%s", s.Name, joinPath(mistake.Path), mistake.What)
		}
		if seen[s.Name] {
			v.add("store %q: a name that is there twice", s.Name)
		}
		seen[s.Name] = true
		if !slices.ContainsFunc(m.Databases, func(d Database) bool { return d.Name == s.To }) {
			v.add("store %q: no database is called %q", s.Name, s.To)
		}
	}
}

// joinPath writes the keys that lead to a mistake before it.
func joinPath(keys []any) string {
	var b strings.Builder
	for _, k := range keys {
		if i, is := k.(int); is {
			fmt.Fprintf(&b, "[%d]", i)
		} else {
			fmt.Fprintf(&b, ".%v", k)
		}
	}
	return strings.TrimPrefix(b.String(), ".") + ": "
}

func (v *validator) isFolder(dir string) bool {
	for p := range v.files {
		if strings.HasPrefix(p, dir+"/") {
			return true
		}
	}
	return false
}

func (v *validator) known(releases []Release) {
	seen := map[string]bool{}
	for _, r := range releases {
		if !versionGrammar.MatchString(r.Version) || seen[r.Version] {
			v.add("known release %q: no version, or one that is there twice", r.Version)
		}
		seen[r.Version] = true
		if r.Next != "" && !versionGrammar.MatchString(r.Next) {
			v.add("known release %q: next %q is no version", r.Version, r.Next)
		}
		for _, p := range r.Packages {
			if !nameGrammar.MatchString(p.Name) || !evrGrammar.MatchString(p.EVR) {
				v.add("known release %q: package %q %q", r.Version, p.Name, p.EVR)
			}
		}
	}
}
