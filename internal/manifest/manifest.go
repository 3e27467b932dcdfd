// Package manifest is the contract between the two programs: the bundler writes
// it, the engine obeys it. It holds everything the engine must know of a jump,
// so the engine itself knows no product.
//
// The types carry yaml tags too, because most of them are also what a release
// engineer writes in specs/<jump>/upgrade.yaml.
package manifest

import "onerpm/internal/nevra"

// Format is the version of the manifest's shape. An engine refuses any other.
const Format = 1

// Manifest is the bundle's table of contents and plan.
type Manifest struct {
	Format   int    `json:"format"`
	Product  string `json:"product"`  // for people, e.g. "Example Server"
	Prefix   string `json:"prefix"`   // <p>, e.g. "example-upgrade"
	From     string `json:"from"`     // release the host must have
	To       string `json:"to"`       // release it will have
	Revision int    `json:"revision"` // of this bundle, from 1; the bundle's rpm release
	Date     string `json:"date"`     // RFC 3339 in UTC; the bundle's build time

	Files []File `json:"files"` // every file of the bundle but manifest.json, sorted by path

	Old   []Package `json:"old"`             // the whole set of From, sorted by name
	New   []Package `json:"new"`             // the whole set of To, sorted by name
	Solid []Solid   `json:"solid,omitempty"` // what packages are rebuilt of, sorted by file; the others are among Files

	Undo string `json:"undo"` // path of the package that obsoletes what To adds; "" when nothing is added
	Drop string `json:"drop"` // path of the package that obsoletes what To drops and nothing of To obsoletes; "" when not needed

	EarlyServices []EarlyService `json:"early_services,omitempty"` // of the packages that come early, in start order
	Keep          []string       `json:"keep,omitempty"`           // folders on the host of packages that go late: they stay until the admin cleans up

	Skip      []Scriptlet  `json:"skip"`      // scriptlets that must not run
	Services  []Service    `json:"services"`  // in start order; stopped in reverse
	State     []string     `json:"state"`     // paths on the host that belong to the product and to no package
	Config    []Config     `json:"config"`    // sorted by target
	Databases []Database   `json:"databases"` // in the order of the spec
	Stores    []Store      `json:"stores,omitempty"`
	Accept    []Acceptance `json:"accept,omitempty"`
	Moves     []Move       `json:"moves,omitempty"`
	Owners    []Owner      `json:"owners,omitempty"`
	Limits    Limits       `json:"limits"`
	Hooks     Hooks        `json:"hooks,omitzero"`
	Agents    *Agents      `json:"agents,omitempty"`

	Known []Release `json:"known"` // every release the project knows, oldest first: to name the right bundle for any host
}

// File is one file of the bundle.
type File struct {
	Path   string `json:"path"` // relative to the bundle's folder, slash separated
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
	Mode   uint32 `json:"mode"` // permission bits
}

// Package is one component RPM of a release.
type Package struct {
	nevra.ID
	Optional  bool   `json:"optional"`  // a host may not have it, and then it stays without
	File      string `json:"file"`      // path in the bundle, or below the folder of rebuilt packages; "" when both releases have this very package
	SHA256    string `json:"sha256"`    // of the RPM file, as its vendor made it
	Size      int64  `json:"size"`      // of the RPM file, in bytes, likewise
	Installed int64  `json:"installed"` // bytes its files take on the host (RPMTAG_SIZE)

	Early bool `json:"early,omitempty"` // of the new release: installed in prepare, while the old one serves
	Late  bool `json:"late,omitempty"`  // of the old release: erased after the commit
}

// Scriptlet names a scriptlet of one package that must not run.
type Scriptlet struct {
	Package string `json:"package"` // name-version-release
	Kind    string `json:"kind"`    // pre, post, preun or postun
	Why     string `json:"why"`
}

// Release is what is needed to recognise a release on a host.
type Release struct {
	Version  string  `json:"version"`
	Next     string  `json:"next"`          // the release that a jump leads to from here, "" when there is none
	Why      string  `json:"why,omitempty"` // no jump starts here: what must happen first
	Packages []Known `json:"packages"`
}

// Known is a package of a Release, as rpm -q --qf '%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE}' shows it.
type Known struct {
	Name     string `json:"name"`
	EVR      string `json:"evr"` // epoch:version-release, the epoch always written
	Optional bool   `json:"optional"`
}

// Service is a systemd unit of the product.
type Service struct {
	Unit   string   `json:"unit" yaml:"unit"`               // name of the unit: a service without ".service", other kinds with their suffix
	Only   Side     `json:"only,omitempty" yaml:"only"`     // old or new, when just that release has the unit
	Door   bool     `json:"door,omitempty" yaml:"door"`     // true when it lets clients in: stopped first, started after the commit
	Hold   []int    `json:"hold,omitempty" yaml:"hold"`     // TCP ports of a door whose new clients wait while it is shut, instead of being turned away
	Answer []int    `json:"answer,omitempty" yaml:"answer"` // those of the held ports whose clients are told instead that the product is back soon: HTTP without TLS, status 503
	Grace  Duration `json:"grace,omitempty" yaml:"grace"`   // how long a door may take to end its requests when it is stopped; then it is killed; 0 leaves that to its unit
	Source bool     `json:"source,omitempty" yaml:"source"` // true when it has the documents of a store: stopped when they were copied, in the middle of the switch; started first on the way back
	Verify string   `json:"verify,omitempty" yaml:"verify"` // command, split at spaces, that must exit 0 before the unit starts
	Health *Health  `json:"health,omitempty" yaml:"health"` // question that shows whether the started unit is well; of a door, also how the window is measured
	Ready  *Ready   `json:"ready,omitempty" yaml:"ready"`   // what a unit says that nobody can ask; without this and health it has to stay up for a second
	Drain  *Drain   `json:"drain,omitempty" yaml:"drain"`   // work under way that must end before the unit is stopped
}

// Health is the question a started unit must answer.
type Health struct {
	HTTP    string       `json:"http" yaml:"http"`                 // URL that is asked, on loopback
	Address *HostAddress `json:"address,omitempty" yaml:"address"` // where on the host its own host and port stand, which take the place of the URL's
	Headers *Headers     `json:"headers,omitempty" yaml:"headers"` // file with headers of the request, for secrets
	Expect  Expect       `json:"expect" yaml:"expect"`             // the answer that counts as healthy
	Within  Duration     `json:"within" yaml:"within"`             // how long it may take until that answer comes, counted from the unit's start
}

// Ready is what a started unit says when it is ready.
type Ready struct {
	Says   string   `json:"says" yaml:"says"`           // text in a line that it writes after its start
	Old    string   `json:"old,omitempty" yaml:"old"`   // what the old release says, if that is another text
	File   string   `json:"file,omitempty" yaml:"file"` // log file on the host that has the line; the system's journal when absent
	Within Duration `json:"within" yaml:"within"`       // how long it may take until the line comes, counted from the unit's start
}

// Headers names a file on the host with one "Name: value" a line, for secrets.
type Headers struct {
	File string `json:"file" yaml:"file"` // path on the host of the file
}

// Expect is the answer that counts as healthy.
type Expect struct {
	Status int               `json:"status" yaml:"status"`       // HTTP status code
	JSON   map[string]string `json:"json,omitempty" yaml:"json"` // top-level keys of the answer, with the value of each as text
	Old    map[string]string `json:"old,omitempty" yaml:"old"`   // the same when the old release is started on the way back; when absent, json is not asked then
}

// Drain waits for work under way to end, while the product serves; once the door is shut, it is counted again.
type Drain struct {
	Database string   `json:"database,omitempty" yaml:"database"` // name of an entry of databases; the first when absent
	Query    string   `json:"query,omitempty" yaml:"query"`       // SQL that returns the number of things under way
	Store    string   `json:"store,omitempty" yaml:"store"`       // instead of a query: name of an entry of stores, whose documents that are not final are under way
	Within   Duration `json:"within" yaml:"within"`               // how long to wait
	Else     string   `json:"else" yaml:"else"`                   // what happens when work is still under way then: refuse goes back, proceed goes on
}

// Config is one configuration file that takes part in the three-way merge. The
// %config files of packages take part without being listed; one that is listed all
// the same, with its package, has what was decided about it.
type Config struct {
	Target  string            `json:"target" yaml:"target"`             // absolute path of the file on the host
	Format  string            `json:"format" yaml:"format"`             // format of the file: json, yaml, env, ini, toml, properties or text; by its name when absent
	Old     string            `json:"old,omitempty" yaml:"-"`           // path in the bundle of From's file, "" when From has none
	New     string            `json:"new,omitempty" yaml:"-"`           // path in the bundle of To's file, "" when To has none
	Package string            `json:"package,omitempty" yaml:"package"` // name of the package whose %config file it is; the file is not under versions/ then
	Set     map[string]Value  `json:"set,omitempty" yaml:"set"`         // keys (a.b.c) with the value that each gets, whatever was there
	Policy  map[string]Side   `json:"policy,omitempty" yaml:"policy"`   // keys, or "*" for all others, with the side that wins a conflict: old keeps the host's value, new takes the release's
	Drop    map[string]string `json:"-" yaml:"drop"`                    // keys that the new release's file lacks and that hold a value of the host's own, with the reason why no host needs it any more; for bundler check alone
	Owner   string            `json:"owner,omitempty" yaml:"owner"`     // user who owns a file that is new on the host; root when absent
	Group   string            `json:"group,omitempty" yaml:"group"`     // group of a file that is new on the host; root when absent
	Mode    string            `json:"mode,omitempty" yaml:"mode"`       // mode of a file that is new on the host, octal; 0644 when absent
}

// InPackage reports whether the file lies in the packages' payload, not in the
// bundle by itself.
func (c Config) InPackage() bool { return c.Package != "" }

// Value is what a key of a configuration file is set to: a value as it is, or exactly one of random and copy.
type Value struct {
	Literal any    `json:"literal,omitempty" yaml:",scalar"` // string, bool, int64 or float64
	Random  int    `json:"random,omitempty" yaml:"random"`   // a value of the host's own, from the system's random source: that many hexadecimal characters, or what as says
	As      string `json:"as,omitempty" yaml:"as"`           // form of a random value: base64 for that many bytes in base64, distinct for that many different letters and digits
	Copy    string `json:"copy,omitempty" yaml:"copy"`       // the host's value of another key of the same file
}

// Database is a PostgreSQL database of the product.
type Database struct {
	Name       string     `json:"name" yaml:"name"`                       // what it is called in the bundle
	Only       Side       `json:"only,omitempty" yaml:"only"`             // new, when the old release has no such database: what makes it in prepare removes it whole on the way back
	Connection Connection `json:"connection" yaml:"connection"`           // where on the host its address and password stand
	Expects    *Expects   `json:"expects,omitempty" yaml:"expects"`       // query that proves the old schema
	Becomes    *Expects   `json:"becomes,omitempty" yaml:"becomes"`       // query that proves the new schema
	Checks     string     `json:"checks,omitempty" yaml:"checks"`         // file with queries that must return no row before anything is touched, a path in the folder of the jump
	Migrations string     `json:"migrations,omitempty" yaml:"migrations"` // folder with the migrations, goose SQL files; a path in the folder of the jump
	Backfill   []Backfill `json:"backfill,omitempty" yaml:"backfill"`     // rows that are filled between the expand migrations and the window, in batches
	Programs   []string   `json:"programs,omitempty" yaml:"programs"`     // folders on the host with pg_dump and pg_restore, looked at besides the usual ones; * stands for any name
	Small      []string   `json:"-" yaml:"small"`                         // tables that do not grow with use, which migrations may read and rewrite at any time; for bundler check alone
}

// Connection tells where on the host the database's address and password stand: in the old release's file, or, when only
// the new release has the database, in the new one's as it is merged with the host's.
type Connection struct {
	File   string         `json:"file" yaml:"file"`     // path on the host of the file
	Format string         `json:"format" yaml:"format"` // format of the file: json, yaml, env, ini, toml or properties
	Keys   ConnectionKeys `json:"keys" yaml:"keys"`     // keys of the file that have the parts of the address
}

// ConnectionKeys name the keys of the file: url, or else host, database and user. An absent one of the others means PostgreSQL's default.
type ConnectionKeys struct {
	URL      string `json:"url,omitempty" yaml:"url"`           // key of the whole address, in place of host, port and database: a URL (postgresql://..., jdbc:postgresql:...) or a connection string (host=... dbname=...)
	Host     string `json:"host" yaml:"host"`                   // key of the host, whose value may be host, host:port, [v6]:port, a socket's folder or a whole URL
	Port     string `json:"port,omitempty" yaml:"port"`         // key of the port
	Database string `json:"database" yaml:"database"`           // key of the database's name
	User     string `json:"user" yaml:"user"`                   // key of the user; beside url, where that does not name the user
	Password string `json:"password,omitempty" yaml:"password"` // key of the password; beside url, likewise
}

// Expects is a query with the one value it must return, as text.
type Expects struct {
	Query string `json:"query" yaml:"query"` // SQL that returns one value
	Value string `json:"value" yaml:"value"` // that value, as text
}

// Backfill fills rows that were there before an expand migration, in batches, while the old release serves.
type Backfill struct {
	Table string   `json:"table" yaml:"table"` // name of the table, with its schema when that is not public
	Set   string   `json:"set" yaml:"set"`     // SQL of the SET clause
	Where string   `json:"where" yaml:"where"` // SQL that is true for a row that is yet to be filled
	Batch int      `json:"batch" yaml:"batch"` // number of rows of one transaction
	Pause Duration `json:"pause" yaml:"pause"` // how long to wait between two batches
}

// Limits are what an upgrade may take.
type Limits struct {
	Window      Duration `json:"window" yaml:"window"`             // how long the product may be out of service: reported beside the measured time, it triggers nothing
	LockTimeout Duration `json:"lock_timeout" yaml:"lock_timeout"` // how long a statement of a migration waits for a lock; without it 3s

	// StatementTimeout is how long a statement of a migration may take. Without it: 12h
	// while the old release serves, 1h in the window and on the way back.
	StatementTimeout Duration `json:"statement_timeout,omitempty" yaml:"statement_timeout"`

	// MemoryMiB is how many MiB programs must be able to get (MemAvailable in proc(5)) for the upgrade to begin; 0 asks for nothing.
	MemoryMiB int `json:"memory_mib,omitempty" yaml:"memory_mib"`
}
