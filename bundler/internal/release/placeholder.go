package release

import (
	"fmt"
	"slices"
	"strings"

	"onerpm/bundler/internal/conffile"
	"onerpm/bundler/internal/mistake"
	"onerpm/internal/manifest"
)

// configValues checks the configuration files of both releases against what the
// spec sets. A placeholder stands for a value of the host's own: where a new key or
// line has one that the old file does not have, no host can know the value, so the
// spec must set it.
func (r *reader) configValues(p *page, s *Spec) {
	from, to := r.cat.Release(s.From), r.cat.Release(s.To)
	if from == nil || to == nil {
		return
	}
	for _, target := range targets(from, to) {
		old, oldOK := r.entries(from, s, target)
		new, newOK := r.entries(to, s, target)
		if !oldOK || !newOK {
			continue
		}
		rules := slices.IndexFunc(s.Config, func(c manifest.Config) bool { return c.Target == target })
		set := map[string]bool{}
		if rules >= 0 {
			for _, key := range sortedKeys(s.Config[rules].Set) {
				set[key] = true
				at := []any{"config", rules, "set", key}
				if !hasKey(old, key) && !hasKey(new, key) {
					p.wrong(fmt.Sprintf("neither release's %s has the key %s", target, key), "a key of the file, as a.b.c", at...)
				}
				if from := s.Config[rules].Set[key].Copy; from != "" && !hasKey(old, from) {
					p.wrong(fmt.Sprintf("release %s's %s has no key %s to copy from", s.From, target, from), "", append(at, "copy")...)
				}
			}
		}
		r.unknownValues(configName(to, target), old, new, set)
	}
}

// unknownValues reports placeholders that no host has a value for.
func (r *reader) unknownValues(file string, old, new []conffile.Entry, set map[string]bool) {
	known := map[string]bool{}
	learn := func(e conffile.Entry) {
		for _, name := range conffile.Placeholders(e.Value) {
			known[name] = true
		}
	}
	for _, e := range old {
		learn(e)
	}
	isOld := func(e conffile.Entry) bool { return e.Key != "" && hasKey(old, e.Key) }
	for _, e := range new {
		if isOld(e) {
			learn(e)
		}
	}
	for _, e := range new {
		if isOld(e) || covered(set, e.Key) {
			continue
		}
		for _, name := range conffile.Placeholders(e.Value) {
			if !known[name] {
				what, allowed := "line", "a text has no keys to set: write the value out, or give the file a format with keys"
				if e.Key != "" {
					what, allowed = "key "+e.Key, "set "+e.Key+" in the spec's config, or write the value out"
				}
				r.mistakes.Add(mistake.Mistake{File: file, Line: e.Line, Column: e.Column,
					What: fmt.Sprintf("a new %s with the placeholder <<%s>>, whose value no host knows", what, name), Allowed: allowed})
			}
		}
	}
}

// entries reads a release's configuration file; none, and true, when it has no such file.
func (r *reader) entries(rel *Release, s *Spec, target string) ([]conffile.Entry, bool) {
	i := slices.IndexFunc(rel.ConfigFiles, func(f ConfigFile) bool { return f.Target == target })
	if i < 0 {
		return nil, true
	}
	if !slices.Contains(formats, s.Format(target)) {
		return nil, false // told where the format stands
	}
	data, err := readBounded(rel.ConfigFiles[i].Path, maxConfigBytes)
	if err != nil {
		return nil, false // told when the release was read
	}
	entries, m := conffile.Read(s.Format(target), configName(rel, target), data)
	if m != nil {
		r.mistakes.Add(*m)
		return nil, false
	}
	return entries, true
}

func configName(rel *Release, target string) string {
	return "versions/" + rel.Version + "/config" + target
}

// targets lists the configuration files of both releases, sorted.
func targets(from, to *Release) []string {
	all := map[string]bool{}
	for _, f := range slices.Concat(from.ConfigFiles, to.ConfigFiles) {
		all[f.Target] = true
	}
	return sortedKeys(all)
}

// hasKey tells whether a file has a key, or keys below it.
func hasKey(entries []conffile.Entry, key string) bool {
	return slices.ContainsFunc(entries, func(e conffile.Entry) bool {
		return e.Key == key || strings.HasPrefix(e.Key, key+".")
	})
}

// covered tells whether a key, or one above it, is set.
func covered(set map[string]bool, key string) bool {
	for k := range set {
		if key == k || strings.HasPrefix(key, k+".") {
			return true
		}
	}
	return false
}
