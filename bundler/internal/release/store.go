package release

import (
	"fmt"
	"maps"
	"slices"

	"onerpm/bundler/internal/conffile"
	"onerpm/internal/manifest"
)

// stores checks the mappings of documents to rows.
func (r *reader) stores(p *page, s *Spec) {
	first := map[string]int{}
	for i, store := range s.Stores {
		base := []any{"stores", i}
		at := under(base)
		for _, m := range store.Check() {
			p.wrong(m.What, "", append(slices.Clone(base), m.Path...)...)
		}
		if store.Name != "" {
			if line, twice := first[store.Name]; twice {
				p.wrong(fmt.Sprintf("store %s stands here twice", store.Name), fmt.Sprintf("the first is on line %d", line), at("name")...)
			} else {
				first[store.Name] = p.doc.Mistake("", "", at("name")...).Line
			}
		}
		if store.To != "" && !slices.ContainsFunc(s.Databases, func(d manifest.Database) bool { return d.Name == store.To }) {
			p.wrong(fmt.Sprintf("there is no database %q", store.To), "the name of an entry of databases", at("to")...)
		}
		e := store.From.Elasticsearch
		r.oldKey(p, s, e.File, e.Format, e.Host, at("from", "elasticsearch", "host"))
		r.oldKey(p, s, e.File, e.Format, e.Port, at("from", "elasticsearch", "port"))
		for _, name := range slices.Sorted(maps.Keys(store.Values)) {
			v := store.Values[name]
			r.oldKey(p, s, v.File, v.Format, v.Key, at("values", name, "key"))
		}
	}
	r.storeTables(p, s)
}

// oldKey looks a key up in the old release's file, where that is one under versions/.
func (r *reader) oldKey(p *page, s *Spec, file, format, key string, at []any) {
	from := r.cat.Release(s.From)
	if from == nil || key == "" || !slices.Contains(manifest.KeyedFormats, format) {
		return
	}
	i := slices.IndexFunc(from.ConfigFiles, func(f ConfigFile) bool { return f.Target == file })
	if i < 0 {
		return
	}
	data, err := readBounded(from.ConfigFiles[i].Path, maxConfigBytes)
	if err != nil {
		return // reported when the release was read
	}
	entries, m := conffile.Read(format, configName(from, file), data)
	if m == nil && !hasKey(entries, key) {
		p.wrong(fmt.Sprintf("release %s's %s has no key %s", s.From, file, key), "a key of the old release's file: it is read before anything is changed", at...)
	}
}
