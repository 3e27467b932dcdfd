package release

import (
	"fmt"
	"slices"

	"onerpm/bundler/internal/conffile"
	"onerpm/internal/manifest"
)

// connection checks where on the host the address of a database is read. The engine
// reads it once, from the old release's file, and keeps it: the new release may name
// its keys otherwise. Of a database that only the new release has, it is in that one's file.
func (r *reader) connection(p *page, s *Spec, db manifest.Database, base []any) {
	at, c := under(base), db.Connection
	if !p.doc.Has(base...) {
		p.missing("where on the host the address and password stand: file, format and keys", base...)
		return
	}
	if p.need(c.File, "the file on the host", at("file")...) {
		p.hostPath(c.File, at("file")...)
	}
	if p.need(c.Format, "allowed: "+keyedList, at("format")...) {
		p.oneOf(manifest.KeyedFormats, c.Format, at("format")...)
	}
	if c.Keys.URL == "" {
		p.need(c.Keys.Host, "the key that holds the host; or url, the one that holds the whole address", at("keys", "host")...)
		p.need(c.Keys.Database, "the key that holds the database's name", at("keys", "database")...)
		p.need(c.Keys.User, "the key that holds the user", at("keys", "user")...)
	}
	for _, part := range [][2]string{{"host", c.Keys.Host}, {"port", c.Keys.Port}, {"database", c.Keys.Database}} {
		if c.Keys.URL != "" && part[1] != "" {
			p.wrong(part[0]+" stands beside url, whose value has it", "url, with user and password where it lacks them; or the keys of all parts", at("keys", part[0])...)
		}
	}
	r.connectionKeys(p, s, db, at)
}

// connectionKeys looks the keys up in the release's file, where that is one under versions/.
func (r *reader) connectionKeys(p *page, s *Spec, db manifest.Database, at func(...any) []any) {
	c, version := db.Connection, s.From
	allowed := "a key of the old release's file: the address is read there once and kept, whatever the new release names it"
	if db.Only == manifest.New {
		version, allowed = s.To, "a key of the new release's file: the old one has no such database"
	}
	from := r.cat.Release(version)
	if from == nil {
		return
	}
	i := slices.IndexFunc(from.ConfigFiles, func(f ConfigFile) bool { return f.Target == c.File })
	if i < 0 || !slices.Contains(manifest.KeyedFormats, c.Format) {
		return
	}
	data, err := readBounded(from.ConfigFiles[i].Path, maxConfigBytes)
	if err != nil {
		return // reported when the release was read
	}
	entries, m := conffile.Read(c.Format, configName(from, c.File), data)
	if m != nil {
		if s.Format(c.File) != c.Format { // otherwise it is reported as a mistake in the file
			p.wrong(fmt.Sprintf("release %s's %s is %s", version, c.File, m.What), "the format in which the product keeps it", at("format")...)
		}
		return
	}
	for _, key := range []struct{ name, value string }{
		{"url", c.Keys.URL}, {"host", c.Keys.Host}, {"port", c.Keys.Port}, {"database", c.Keys.Database}, {"user", c.Keys.User}, {"password", c.Keys.Password},
	} {
		if key.value != "" && !hasKey(entries, key.value) {
			p.wrong(fmt.Sprintf("release %s's %s has no key %s", version, c.File, key.value), allowed, at("keys", key.name)...)
		}
	}
}
