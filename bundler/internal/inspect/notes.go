package inspect

import (
	"strings"

	"onerpm/bundler/internal/notes"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/rpmfile"
)

// The changelog's tags (lib/rpmtag.h of rpm).
const (
	tagChangeName rpmfile.Tag = 1081
	tagChangeText rpmfile.Tag = 1082
)

// notes takes the release notes out of the header. What cannot be shown to people is a problem, and is not told.
func (rep *Report) notes(h *rpmpkg.Package) {
	names, texts := h.Strings(tagChangeName), h.Strings(tagChangeText)
	for i, name := range names {
		if i >= len(texts) || !strings.HasSuffix(name, notes.ChangelogName) {
			continue
		}
		if err := notes.Check(texts[i]); err != nil {
			rep.problem("its release notes cannot be shown: %v", err)
			return
		}
		rep.Notes = texts[i]
		return
	}
}
