package scaffold

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/pkgconf"
	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/rpmcheck"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
)

// Package is one RPM of a release.
type Package struct {
	Header *rpmpkg.Package
	SHA256 string // of the file
	Size   int64  // of the file, bytes
	File   string // its name in the folder; "" when its release says where it lies
}

// maxPackages bounds what a folder may hold.
const maxPackages = 2000

// List returns the RPMs of a folder, sorted by name, and how many bytes they have
// together. Error: exit.Missing when there are none.
func List(dir string) ([]string, int64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, 0, exit.With(exit.Missing, fmt.Errorf("read the packages: %w", err), "name the folder that holds the RPMs of the release")
	}
	var files []string
	total := int64(0)
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		switch {
		case !strings.EqualFold(ext, ".rpm"):
			continue
		case ext != ".rpm":
			return nil, 0, exit.Errorf(exit.Usage, "rename it, or take it out of "+dir, "%s does not end in .rpm, in lower case", e.Name())
		case plain(e.Name()) != e.Name():
			return nil, 0, exit.Errorf(exit.Usage, "rename it, or take it out of "+dir, "the file name %q has control characters, unusual spaces, or is not UTF-8", e.Name())
		}
		file := filepath.Join(dir, e.Name())
		info, err := os.Stat(file)
		if err != nil {
			return nil, 0, exit.With(exit.Missing, err, "")
		}
		files, total = append(files, file), total+info.Size()
	}
	switch {
	case len(files) == 0:
		return nil, 0, exit.Errorf(exit.Missing, "name the folder that holds the RPMs of the release", "there is no RPM in %s", dir)
	case len(files) > maxPackages:
		return nil, 0, exit.Errorf(exit.Usage, "", "%s holds %d RPMs; a release has at most %d", dir, len(files), maxPackages)
	}
	return files, total, nil
}

// Read reads and verifies RPMs, and returns those of the release sorted by name, and of the
// others the file and why it is left out. known is the release, nil when it is to be written. progress is called with the
// bytes that were read. Errors: exit.Mismatch for a damaged file, exit.Usage for two of one name, exit.Missing when none is left.
func Read(ctx context.Context, known *release.Release, files []string, progress func(int64)) (out []Package, left []string, err error) {
	first := map[string]string{}
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		p, err := read(file, progress)
		if err != nil {
			return nil, nil, err
		}
		if why := notInstalled(p.Header, known); why != "" {
			left = append(left, p.File+": "+why)
			continue
		}
		if other, twice := first[p.Header.Name]; twice {
			return nil, nil, exit.Errorf(exit.Usage, "leave in the folder what the release has, and nothing else",
				"%s and %s are both %s; a release has a package once", other, p.File, p.Header.Name)
		}
		first[p.Header.Name] = p.File
		out = append(out, p)
	}
	if len(out) == 0 {
		return nil, nil, exit.Errorf(exit.Missing, "name the folder that holds the RPMs of the release", "there is no RPM that a machine has installed: %s", strings.Join(left, "; "))
	}
	slices.SortFunc(out, func(a, b Package) int { return strings.Compare(a.Header.Name, b.Header.Name) })
	return out, left, nil
}

// debugName are the names that rpmbuild gives to what it makes beside a package for debuggers.
var debugName = regexp.MustCompile(`-debug(info|source)(-common(-.*)?)?$`)

// notInstalled says why a package that rpmbuild makes beside those of a product is no part of
// the release, "" when it is one. What a release names is part of it.
func notInstalled(h *rpmpkg.Package, known *release.Release) string {
	switch {
	case h.Source:
		return "a source package, which cannot be installed"
	case isDebugInfo(h) && (known == nil || !slices.ContainsFunc(known.Components, func(c release.Component) bool { return c.Name == h.Name })):
		return "for debuggers; add it to the release when every customer has it"
	}
	return ""
}

// isDebugInfo reports whether a package is for debuggers alone: by its name and by where all its files are.
func isDebugInfo(h *rpmpkg.Package) bool {
	return debugName.MatchString(h.Name) && !slices.ContainsFunc(h.Files(), func(f rpmfile.FileInfo) bool {
		return !strings.HasPrefix(f.Path+"/", "/usr/lib/debug/") && !strings.HasPrefix(f.Path+"/", "/usr/src/debug/")
	})
}

func read(file string, progress func(int64)) (Package, error) {
	f, err := os.Open(file)
	if err != nil {
		return Package{}, exit.With(exit.Missing, err, "")
	}
	defer f.Close() //nolint:errcheck // only read
	sum := sha256.New()
	n := int64(0)
	tee := io.TeeReader(f, writer(func(p []byte) { sum.Write(p); n += int64(len(p)); progress(int64(len(p))) }))
	p, err := rpmpkg.Verify(tee)
	if err == nil {
		err = rpmcheck.Load(p.Header)
	}
	if err == nil {
		_, err = io.Copy(io.Discard, tee)
	}
	if err != nil {
		return Package{}, exit.With(exit.Mismatch, fmt.Errorf("read %s: %w", file, err), "get the file again from whoever built it")
	}
	return Package{Header: p, SHA256: hex.EncodeToString(sum.Sum(nil)), Size: n, File: filepath.Base(file)}, nil
}

// writer is a function that takes what is written.
type writer func([]byte)

// Write gives p to the function.
func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// change is what happens to one package.
type change struct {
	name     string
	old, new *Package // nil when added, removed
}

func changes(from, to []Package) []change {
	byName := map[string]*change{}
	var names []string
	get := func(name string) *change {
		if byName[name] == nil {
			byName[name] = &change{name: name}
			names = append(names, name)
		}
		return byName[name]
	}
	for i := range from {
		get(from[i].Header.Name).old = &from[i]
	}
	for i := range to {
		get(to[i].Header.Name).new = &to[i]
	}
	slices.Sort(names)
	var out []change
	for _, name := range names {
		out = append(out, *byName[name])
	}
	return out
}

// moves reports whether rpm has anything to do for the package.
func (c change) moves() bool {
	return c.old == nil || c.new == nil || c.old.SHA256 != c.new.SHA256
}

// backwards reports whether the new version is the lower one.
func (c change) backwards() bool {
	return c.old != nil && c.new != nil && c.new.Header.Compare(c.old.Header.ID) < 0
}

// obsoletedBy returns the new package that obsoletes an old one, "" for none.
func obsoletedBy(old Package, to []Package) string {
	self := rpmcheck.Self(old.Header)
	for _, p := range to {
		if p.Header.Name != old.Header.Name && slices.ContainsFunc(p.Header.Obsoletes(), func(d rpmpkg.Dep) bool { return rpmcheck.Overlap(d, self) }) {
			return p.Header.Name
		}
	}
	return ""
}

// evrOf is the EVR as people write it: without an epoch of 0.
func evrOf(h *rpmpkg.Package) string { return h.ShortEVR() }

// units returns the systemd services that packages own -> the package.
func units(packages []Package) map[string]string {
	out := map[string]string{}
	for _, p := range packages {
		for _, f := range p.Header.Files() {
			dir, name := path.Split(f.Path)
			unit, is := strings.CutSuffix(name, ".service")
			if is && unitFolder(dir) && !strings.HasSuffix(unit, "@") {
				out[unit] = p.Header.Name
			}
		}
	}
	return out
}

func unitFolder(dir string) bool {
	return slices.Contains([]string{"/usr/lib/systemd/system/", "/lib/systemd/system/", "/etc/systemd/system/"}, dir)
}

// rendered returns the units among a release's configuration files -> the file.
func rendered(r *release.Release) map[string]release.ConfigFile {
	out := map[string]release.ConfigFile{}
	if r == nil {
		return out
	}
	for _, f := range r.ConfigFiles {
		dir, name := path.Split(f.Target)
		if unit, is := strings.CutSuffix(name, ".service"); is && unitFolder(dir) {
			out[unit] = f
		}
	}
	return out
}

var hostPath = regexp.MustCompile(`/[A-Za-z0-9._@%+/-]+`)

// gone returns the package that goes with the jump and that owns what a rendered unit
// starts, "" for none.
func (s *spec) gone(unit string) string {
	f, is := rendered(s.in.From.Release)[unit]
	if !is {
		return ""
	}
	text, err := os.ReadFile(f.Path)
	if err != nil {
		return "" // told when it is carried over
	}
	old, new := owners(s.in.From.Packages), owners(s.in.To.Packages)
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "Exec") {
			continue
		}
		for _, name := range hostPath.FindAllString(line, -1) {
			if old[name] != "" && new[name] == "" {
				return old[name]
			}
		}
	}
	return ""
}

// owners returns the files of packages -> the package.
func owners(packages []Package) map[string]string {
	out := map[string]string{}
	for _, p := range packages {
		for _, f := range p.Header.Files() {
			out[f.Path] = p.Header.Name
		}
	}
	return out
}

// packageConfig tells what becomes of the packages' %config files that are not the same in both releases.
func (s *spec) packageConfig() []pkgconf.File {
	var old, new []pkgconf.Package
	for _, c := range s.changes {
		if !c.moves() {
			continue
		}
		if c.old != nil {
			old = append(old, pkgconf.Package{Name: c.name, Files: c.old.Header.Files()})
		}
		if c.new != nil {
			new = append(new, pkgconf.Package{Name: c.name, Files: c.new.Header.Files()})
		}
	}
	return slices.DeleteFunc(pkgconf.Compare(old, new, s.ownConfig()), func(f pkgconf.File) bool {
		return f.Change == plan.Unchanged && f.Fate == pkgconf.Kept
	})
}

// ownConfig are the files that the bundle itself will have.
func (s *spec) ownConfig() (list []manifest.Config) {
	for _, r := range []*release.Release{s.in.From.Release, s.in.To.Release} {
		if r == nil {
			continue
		}
		for _, f := range r.ConfigFiles {
			list = append(list, manifest.Config{Target: f.Target})
		}
	}
	return list
}

func configOf(p *Package) map[string]rpmfile.FileInfo {
	out := map[string]rpmfile.FileInfo{}
	if p == nil {
		return out
	}
	for _, f := range p.Header.Files() {
		if f.IsConfig() {
			out[f.Path] = f
		}
	}
	return out
}

// Count tells how many packages a jump adds, changes and removes.
func Count(in Input) (added, changed, removed int) {
	for _, c := range changes(in.From.Packages, in.To.Packages) {
		switch {
		case c.old == nil:
			added++
		case c.new == nil:
			removed++
		case c.moves():
			changed++
		}
	}
	return added, changed, removed
}
