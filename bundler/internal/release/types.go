// Package release reads versions/ and specs/: what the releases are made of and
// what cannot be derived about the jumps between them. Reading is strict; every
// mistake of every file is reported in one run, with file, line and column.
package release

import (
	"onerpm/bundler/internal/mistake"
	"onerpm/bundler/internal/strictyaml"
	"onerpm/internal/manifest"
)

// Product is versions/product.yaml.
type Product struct {
	Name       string   `yaml:"product"`    // name of the product, for people
	Prefix     string   `yaml:"prefix"`     // first part of every bundle's name, the admin's command, and the name of the folders under /opt, /var/lib and /etc; never changed once a customer has a bundle
	Vendor     string   `yaml:"vendor"`     // who makes the bundles, as in rpm's Vendor tag
	License    string   `yaml:"license"`    // license of the bundles, as in rpm's License tag
	URL        string   `yaml:"url"`        // address of the product, for people
	Editions   []string `yaml:"editions"`   // editions of the product that the bundles are for, for people
	Keys       []string `yaml:"keys"`       // OpenPGP fingerprints (40 hexadecimal digits) of keys that may sign packages
	Keyring    string   `yaml:"keyring"`    // file with the public keys, armored, as a path in versions/; needed when a release names a key
	Source     string   `yaml:"source"`     // where packages lie when neither their release nor they themselves say it; written as the source of a component
	PostgreSQL string   `yaml:"postgresql"` // oldest version of PostgreSQL that customers run, e.g. "9.5"
	// Fresh is how long customers believe what a store says since it was last published or refreshed, e.g. 168h; they refuse it afterwards. Without it: for ever.
	Fresh manifest.Duration `yaml:"fresh"`
	// Unreached are releases that customers ask about and from which no jump exists.
	Unreached []Unreached `yaml:"unreached"`
}

// Unreached is a release from which no jump exists.
type Unreached struct {
	Version string `yaml:"version"` // the release; with a file in versions/, hosts that have it are recognised
	Why     string `yaml:"why"`     // what must happen first; shown by bundler paths, on the download page, and on a host that has it
}

// Release is versions/<version>.yaml.
type Release struct {
	Version    string      `yaml:"version"`    // the version, as the file is named
	Date       string      `yaml:"date"`       // day of the release as YYYY-MM-DD; the build date of bundles that lead here
	Status     string      `yaml:"status"`     // whether customers get support for it: supported, ended or planned
	Platforms  []string    `yaml:"platforms"`  // platforms that it runs on, e.g. el7.x86_64
	Source     string      `yaml:"source"`     // where its packages lie, unless one of them says it; written as the source of a component
	Notes      string      `yaml:"notes"`      // file in versions/ with what is new, in Markdown; customers see it in the RPM and on the download page
	Key        string      `yaml:"key"`        // fingerprint of the key that signs its packages; none when they are not signed
	Components []Component `yaml:"components"` // packages of the release, each once

	NotesText   string       `yaml:"-"` // what that file says, "" without one
	ConfigFiles []ConfigFile `yaml:"-"` // of versions/<version>/config, sorted by target
}

// Component is one RPM of a release.
type Component struct {
	Name     string `yaml:"name"`     // name of the package
	EVR      string `yaml:"evr"`      // version of the package, as [epoch:]version-release
	Arch     string `yaml:"arch"`     // architecture of the package: x86_64, noarch or another
	SHA256   string `yaml:"sha256"`   // digest of the RPM file; bundler lock fills it in
	Size     int64  `yaml:"size"`     // bytes of the RPM file; bundler lock fills it in
	Optional bool   `yaml:"optional"` // true when a host may be without it; such a host stays without

	// Source is where the RPM lies: a folder (relative to the project's root, or
	// absolute), https://host/folder/, s3://bucket/prefix/, or yum+<URL of a yum
	// repository> (yum+https://, yum+http://, yum+file:///). A source that ends in .rpm names the
	// file itself; otherwise the file is <source>/<name>-<version>-<release>.<arch>.rpm.
	// http:// is accepted too: the digest is what is trusted, not the way.
	Source string `yaml:"source"`
}

// ConfigFile is one file of versions/<version>/config.
type ConfigFile struct {
	Target string // absolute path on the host
	Path   string // where it lies on this machine
	SHA256 string
	Size   int64
}

// Spec is specs/<from>-<to>/upgrade.yaml.
type Spec struct {
	From     string             `yaml:"from"`     // release that a host must have
	To       string             `yaml:"to"`       // release that it will have
	Revision int                `yaml:"revision"` // number of the bundle: 1 for the first, one more for every further
	Services []manifest.Service `yaml:"services"` // units of the product in start order; stopped in reverse; doors last
	Packages PackageRules       `yaml:"packages"` // decisions about packages that cannot be derived

	EarlyServices []manifest.EarlyService `yaml:"early_services"` // units of the packages that come early, in start order
	State         []string                `yaml:"state"`          // paths on the host that belong to the product and to no package
	Moves         []manifest.Move         `yaml:"moves"`          // files that get another place
	Owners        []manifest.Owner        `yaml:"owners"`         // files that get another owner
	Config        []manifest.Config       `yaml:"config"`         // what the files of versions/<release>/config, and %config files of packages, need besides
	Databases     []manifest.Database     `yaml:"databases"`      // PostgreSQL databases, with their migrations
	Stores        []manifest.Store        `yaml:"stores"`         // data that moves from Elasticsearch into one of the databases
	Agents        *manifest.Agents        `yaml:"agents"`         // how agents on other machines are upgraded after the commit
	Accept        []manifest.Acceptance   `yaml:"accept"`         // changes for the worse that an admin must accept before
	Hooks         manifest.Hooks          `yaml:"hooks"`          // scripts of the product that run as steps of the upgrade
	Limits        manifest.Limits         `yaml:"limits"`         // times that are promised, and what migrations may take
	Certify       Certification           `yaml:"certify"`        // how its bundles are certified

	Dir        string                 `yaml:"-"` // the spec's folder
	Migrations map[string][]Migration `yaml:"-"` // by the database's name, sorted by number

	doc *strictyaml.Doc // nil for a spec that was not read from a file
}

// Place returns where in the spec's file something stands, or would have to be
// written: the nearest thing around it that is there. What and Allowed are empty.
func (s *Spec) Place(path ...any) mistake.Mistake {
	if s.doc == nil {
		return mistake.Mistake{}
	}
	return s.doc.Mistake("", "", path...)
}

// PackageRules are the decisions about packages that cannot be derived.
type PackageRules struct {
	// Skip: scriptlets that must not run: name-version-release of the package, the kind (pre, post, preun, postun), and the reason.
	Skip map[string]map[string]string `yaml:"skip"`
	// Keep: scriptlets and triggers that were looked at and may run: name-version-release, the kind (pre, posttrans, triggerin, filetriggerun, ...), and the reason.
	Keep map[string]map[string]string `yaml:"keep"`
	// Host: names of what packages require that is in neither release, because every host has it.
	Host []string `yaml:"host"`
	// Early: names of packages that only the new release has and that conflict with nothing. They are installed while the old release serves, and gone on the way back.
	Early []string `yaml:"early"`
	// Late: packages that only the old release has and that are erased after the commit, by a transaction of their own.
	Late []Late `yaml:"late"`
}

// Late is a package that is erased after the commit.
type Late struct {
	Package string   `yaml:"package"` // name of the package
	Why     string   `yaml:"why"`     // reason why it stays until then
	Keep    []string `yaml:"keep"`    // folders on the host with its data: they stay until the admin cleans up, who may want to look into them
}
