package release

import (
	"fmt"
	"slices"

	"onerpm/bundler/internal/conffile"
	"onerpm/bundler/internal/mistake"
	"onerpm/internal/manifest"
)

// envLines reports lines of an env file that are no KEY=value and that one release has
// and the other not: what they do is not known, so every host would stop at a conflict.
func (r *reader) envLines(s *Spec, target string, from, to *Release, old, new []conffile.Entry, policy map[string]manifest.Side) {
	if s.Format(target) != "env" || policy["*"] != "" || len(old) == 0 || len(new) == 0 {
		return
	}
	lacks := func(entries []conffile.Entry, line string) bool {
		return !slices.ContainsFunc(entries, func(e conffile.Entry) bool { return e.Key == "" && e.Value == line })
	}
	for _, side := range []struct {
		release     *Release
		has, others []conffile.Entry
		what        string
	}{{from, old, new, "drops"}, {to, new, old, "brings"}} {
		for _, e := range side.has {
			if e.Key == "" && lacks(side.others, e.Value) {
				r.mistakes.Add(mistake.Mistake{File: configName(side.release, target), Line: e.Line, Column: e.Column,
					What:    fmt.Sprintf("release %s %s a line that is no KEY=value: the merge cannot know what it does, and every host would have to decide it", to.Version, side.what),
					Allowed: `give the file the format text in the spec's config, or say there which side wins: policy: { "*": new }`})
			}
		}
	}
}
