package release

import (
	"fmt"
	"net"
	"path"
	"regexp"
	"slices"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/internal/unit"
)

var databaseGrammar = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,62}$`)

// services checks the units, in the order they are started.
func (p *page) services(spec *Spec) {
	first := map[string]int{}
	door := ""
	for i, s := range spec.Services {
		at := func(keys ...any) []any { return append([]any{"services", i}, keys...) }
		if p.need(s.Unit, "the systemd unit, without .service", at("unit")...) {
			if err := unit.Check(s.Unit); err != nil {
				p.wrong(fmt.Sprintf("%q is no unit of a product", s.Unit), err.Error(), at("unit")...)
			}
		}
		if line, twice := first[s.Unit]; twice {
			p.wrong(fmt.Sprintf("unit %s stands here twice", s.Unit), fmt.Sprintf("the first is on line %d", line), at("unit")...)
		} else {
			first[s.Unit] = p.doc.Mistake("", "", at("unit")...).Line
		}
		switch {
		case s.Door:
			door = s.Unit
		case door != "":
			p.wrong(fmt.Sprintf("unit %s comes after the door %s", s.Unit, door), "doors come last: they open when all else runs", at("unit")...)
		}
		if s.Health != nil {
			p.health(s.Health, at("health"))
		}
		if s.Ready != nil {
			p.ready(s.Ready, at("ready"))
		}
		if s.Drain != nil {
			p.drain(spec, s.Drain, at("drain"))
		}
		for _, m := range s.Mistakes(spec.Stores) {
			p.wrong(m.What, "", at(m.Path...)...)
		}
	}
}

// databaseServer are the usual names of PostgreSQL's own service: postgresql, postgresql-15, postgresql@15-main, rh-postgresql95-postgresql.
var databaseServer = regexp.MustCompile(`^(rh-postgresql[0-9]+-)?postgresql([-@].*)?$`)

// stopped warns of a database's server among the services: all of them are stopped when the window's migrations connect to
// the database, and on the way back too, so such an upgrade can neither go on nor go back.
func (r *reader) stopped(p *page, s *Spec) {
	if len(s.Databases) == 0 {
		return
	}
	for i, service := range s.Services {
		if databaseServer.MatchString(service.Unit) {
			r.cat.Warnings.Add(p.doc.Mistake(fmt.Sprintf("%s is stopped in the window, as every service is, and migrations of %s run there: they find no server, and neither does the way back", service.Unit, s.Databases[0].Name),
				"leave the database's server out of services, so that it goes on running", "services", i, "unit"))
		}
	}
}

// untried warns when every service of the new release is a door that nothing verifies:
// doors start after the commit, so nothing of the release would be tried before it.
func (r *reader) untried(p *page, s *Spec) {
	last := -1
	for i, service := range s.Services {
		if service.Only == manifest.Old {
			continue
		}
		if !service.Door || service.Verify != "" {
			return
		}
		last = i
	}
	if last >= 0 {
		r.cat.Warnings.Add(p.doc.Mistake(fmt.Sprintf("every service of %s is a door: nothing of the release is started before the commit, and after it the upgrade only goes forward", s.To),
			"add a service that can start while clients are kept out, or a verify: a command of the door's program that tries its configuration", "services", last, "door"))
	}
}

// UnitFolders are where unit files lie that an upgrade may bring (systemd.unit(5)).
var UnitFolders = []string{"/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}

// unnamed warns of units whose files the jump changes and that services does not name: they run on as the old
// files say, until a boot or somebody else starts them as the new ones do, perhaps in the middle of the window.
func (r *reader) unnamed(p *page, s *Spec) {
	from, to := r.cat.Release(s.From), r.cat.Release(s.To)
	if from == nil || to == nil {
		return
	}
	named := map[string]bool{}
	for _, service := range s.Services {
		named[unit.Name(service.Unit)], named[unit.Template(service.Unit)] = true, true
	}
	for _, f := range from.ConfigFiles {
		name := path.Base(f.Target)
		if !slices.Contains(UnitFolders, path.Dir(f.Target)) || unit.Name(name) != name || named[name] {
			continue
		}
		i := slices.IndexFunc(to.ConfigFiles, func(t ConfigFile) bool { return t.Target == f.Target })
		if i >= 0 && to.ConfigFiles[i].SHA256 != f.SHA256 {
			r.cat.Warnings.Add(p.doc.Mistake(fmt.Sprintf("%s changes in %s, and services does not name it: it would run on as the old file says, until a boot or somebody else starts it", name, s.To),
				"name it, so that it is stopped before its file changes and started after", "services"))
		}
	}
}

func (p *page) health(h *manifest.Health, base []any) {
	at := under(base)
	if p.need(h.HTTP, "a URL on this machine, e.g. http://127.0.0.1:8100/version", at("http")...) {
		p.onThisMachine(h.HTTP, at("http")...)
	}
	if h.Address != nil {
		p.hostAddress(*h.Address, at("address"))
		if h.Headers != nil {
			p.wrong("headers would go to whatever host the product's configuration names", "an address, or headers, which must not leave the machine", at("address")...)
		}
	}
	if h.Headers != nil && p.need(h.Headers.File, "the file on the host with the headers", at("headers", "file")...) {
		p.hostPath(h.Headers.File, at("headers", "file")...)
	}
	switch status := h.Expect.Status; {
	case status == 0 && !p.doc.Has(at("expect", "status")...):
		p.missing("the HTTP status that means healthy, e.g. 200", at("expect", "status")...)
	case status < 100 || status > 599:
		p.wrong(fmt.Sprintf("%d is no HTTP status", status), "", at("expect", "status")...)
	}
	p.positive(h.Within, "how long the unit may take to become healthy, e.g. 60s", at("within")...)
}

func (p *page) ready(r *manifest.Ready, base []any) {
	at := under(base)
	if p.need(r.Says, "text that the unit writes when it is ready, e.g. listening on", at("says")...) && strings.ContainsAny(r.Says+r.Old, "\r\n") {
		p.wrong("a line has no second line", "a part of one line", at("says")...)
	}
	if r.File != "" {
		p.hostPath(r.File, at("file")...)
	}
	p.positive(r.Within, "how long the unit may take to become ready, e.g. 30s", at("within")...)
}

func (p *page) hostAddress(a manifest.HostAddress, base []any) {
	at := under(base)
	if p.need(a.File, "the file on the host", at("file")...) {
		p.hostPath(a.File, at("file")...)
	}
	if p.need(a.Format, "allowed: "+keyedList, at("format")...) {
		p.oneOf(manifest.KeyedFormats, a.Format, at("format")...)
	}
	p.need(a.Host, "the key that holds the host", at("host")...)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (p *page) drain(s *Spec, d *manifest.Drain, base []any) {
	at := under(base)
	if d.Store == "" {
		p.need(d.Query, "SQL that returns how many things are under way", at("query")...)
	}
	p.positive(d.Within, "how long to wait, e.g. 5m", at("within")...)
	if p.need(d.Else, "allowed: refuse, proceed", at("else")...) {
		p.oneOf([]string{"refuse", "proceed"}, d.Else, at("else")...)
	}
	switch {
	case d.Store != "":
	case len(s.Databases) == 0:
		p.wrong("drain asks a database, but there are none", "name one under databases", base...)
	case d.Database != "" && !hasDatabase(s, d.Database):
		p.wrong(fmt.Sprintf("there is no database %q", d.Database), "the name of an entry of databases", at("database")...)
	case drained(s, d).Only == manifest.New:
		p.wrong(fmt.Sprintf("only the new release has the database %s", drained(s, d).Name), "a database in which the old release notes its work, or a store", base...)
	}
}

// drained is the database that a drain asks.
func drained(s *Spec, d *manifest.Drain) manifest.Database {
	for _, db := range s.Databases {
		if d.Database == "" || db.Name == d.Database {
			return db
		}
	}
	return manifest.Database{}
}

func hasDatabase(s *Spec, name string) bool {
	for _, db := range s.Databases {
		if db.Name == name {
			return true
		}
	}
	return false
}

// positive reports a duration that is missing or nothing.
func (p *page) positive(d manifest.Duration, allowed string, path ...any) {
	if d > 0 {
		return
	}
	if p.doc.Has(path...) {
		p.wrong(fmt.Sprintf("%v is no time at all", lastKey(path)), allowed, path...)
		return
	}
	p.missing(allowed, path...)
}

// under makes paths below a base, each in memory of its own.
func under(base []any) func(keys ...any) []any {
	return func(keys ...any) []any { return append(append([]any{}, base...), keys...) }
}
