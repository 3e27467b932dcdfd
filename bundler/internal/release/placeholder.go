package release

import (
	"fmt"
	"maps"
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
		var policy map[string]manifest.Side
		if rules >= 0 {
			policy = s.Config[rules].Policy
			for _, key := range sortedKeys(s.Config[rules].Set) {
				set[key] = true
				from, at := s.Config[rules].Set[key].Copy, []any{"config", rules, "set", key}
				switch {
				case s.Format(target) == "text":
					p.setText(s, target, key, from, old, new, at)
					continue
				case !hasKey(old, key) && !hasKey(new, key):
					p.wrong(fmt.Sprintf("neither release's %s has the key %s", target, key), "a key of the file, as a.b.c", at...)
				}
				if from != "" && !hasKey(old, from) {
					p.wrong(fmt.Sprintf("release %s's %s has no key %s to copy from", s.From, target, from), "", append(at, "copy")...)
				}
			}
		}
		r.unknownValues(configName(to, target), old, new, set)
		r.envLines(s, target, from, to, old, new, policy)
		if slices.ContainsFunc(to.ConfigFiles, func(f ConfigFile) bool { return f.Target == target }) {
			r.droppedValues(p, s, rules, configName(from, target), old, new)
		}
	}
}

// setText checks a value for a text: it has no keys, so what is set are placeholders of the new release's file.
func (p *page) setText(s *Spec, target, name, from string, old, new []conffile.Entry, at []any) {
	if !hasPlaceholder(new, name) {
		p.wrong(fmt.Sprintf("release %s's %s is text and has no placeholder <<%s>>", s.To, target, name), "the name of a placeholder; files of another format than text have keys", at...)
	}
	if from != "" && !hasPlaceholder(old, from) {
		p.wrong(fmt.Sprintf("release %s's %s has no placeholder <<%s>> to copy from", s.From, target, from), "", append(at, "copy")...)
	}
}

func hasPlaceholder(entries []conffile.Entry, name string) bool {
	return slices.ContainsFunc(entries, func(e conffile.Entry) bool { return slices.Contains(conffile.Placeholders(e.Value), name) })
}

// droppedValues reports keys that hold a value of the host's own in the old release's
// file and that the new one's does not have: the merge takes them away, and the value with them,
// unless it lives on under another key or the spec says why nobody needs it.
func (r *reader) droppedValues(p *page, s *Spec, rules int, file string, old, new []conffile.Entry) {
	var said manifest.Config
	if rules >= 0 {
		said = s.Config[rules]
	}
	lives := map[string]bool{}
	for _, e := range new {
		for _, name := range conffile.Placeholders(e.Value) {
			lives[name] = true
		}
	}
	gone := map[string]bool{}
	for _, e := range old {
		if e.Key == "" || hasKey(new, e.Key) {
			continue
		}
		gone[e.Key] = true
		copied := slices.ContainsFunc(slices.Collect(maps.Values(said.Set)), func(v manifest.Value) bool { return v.Copy == e.Key })
		lost := slices.DeleteFunc(conffile.Placeholders(e.Value), func(name string) bool { return lives[name] })
		if len(lost) == 0 || copied || said.Drop[e.Key] != "" {
			continue
		}
		r.mistakes.Add(mistake.Mistake{File: file, Line: e.Line, Column: e.Column,
			What:    fmt.Sprintf("release %s drops the key %s, which holds a value of the host's own, <<%s>>", s.To, e.Key, lost[0]),
			Allowed: "copy it to another key with set in the spec's config, or say there under drop why no host needs it any more"})
	}
	for _, key := range sortedKeys(said.Drop) {
		switch {
		case !gone[key]:
			p.wrong(fmt.Sprintf("release %s does not drop the key %s", s.To, key), "a key that the old release's file has and the new one's does not", "config", rules, "drop", key)
		case said.Drop[key] == "":
			p.wrong("no reason", "say why no host needs the key any more", "config", rules, "drop", key)
		}
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
			if !known[name] && (e.Key != "" || !set[name]) {
				what, allowed := "line", "set "+name+" in the spec's config, or write the value out"
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
	if !slices.Contains(manifest.Formats, s.Format(target)) {
		return nil, false // told where the format stands
	}
	data, err := readBounded(rel.ConfigFiles[i].Path, maxConfigBytes)
	if err != nil {
		return nil, false // told when the release was read
	}
	entries, m := conffile.Read(s.Format(target), configName(rel, target), data)
	if m != nil {
		if s.Format(target) == "ini" && m.Allowed == "" { // there are many kinds of INI
			m.Allowed = "correct it; or, where the product takes it as it is, give the file the format text in the spec's config"
		}
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

// hasKey reports whether a file has a key, or keys below it.
func hasKey(entries []conffile.Entry, key string) bool {
	return slices.ContainsFunc(entries, func(e conffile.Entry) bool {
		return e.Key == key || strings.HasPrefix(e.Key, key+".")
	})
}

// covered reports whether a key, or one above it, is set.
func covered(set map[string]bool, key string) bool {
	for k := range set {
		if key == k || strings.HasPrefix(key, k+".") {
			return true
		}
	}
	return false
}
