package pkgconf

import (
	"onerpm/bundler/internal/plan"
	"onerpm/internal/manifest"
)

// pair is a file as the packages of both releases have it.
type pair struct {
	old, new     side
	hadIt, hasIt bool
}

func (p pair) marked() bool {
	return p.hadIt && p.old.file.IsConfig() || p.hasIt && p.new.file.IsConfig()
}

func (p pair) file(rule *manifest.Config) File {
	f := File{Change: p.change()}
	if p.hadIt {
		f.Path, f.Package, f.Old = p.old.file.Path, p.old.pkg.Name, Mark(p.old.file)
	}
	if p.hasIt {
		f.Path, f.Package, f.New = p.new.file.Path, p.new.pkg.Name, Mark(p.new.file)
	}
	f.Fate, f.What = p.fate(rule)
	return f
}

// change is by content and kind alone: whose a file is, and with what mode, is no matter of configuration.
func (p pair) change() plan.Kind {
	a, b := p.old.file, p.new.file
	switch {
	case !p.hadIt:
		return plan.Added
	case !p.hasIt:
		return plan.Removed
	case a.Digest != b.Digest || a.LinkTo != b.LinkTo || a.Mode&0o170000 != b.Mode&0o170000 || a.IsGhost() != b.IsGhost():
		return plan.Changed
	}
	return plan.Unchanged
}

// fate follows the engine's order: what is a target of the bundle's own configuration is that and nothing else; what comes
// early, goes late, is a link or %ghost is left to rpm; the rest is merged.
func (p pair) fate(rule *manifest.Config) (Fate, string) {
	switch {
	case rule != nil && !rule.InPackage():
		return Merged, "merged with the file that the bundle itself has for this place"
	case p.hasIt && p.new.pkg.Early:
		return ByRPM, "rpm puts it there while the old release serves; check refuses a machine that has something there"
	case p.hadIt && !p.hasIt && p.old.pkg.Late:
		return ByRPM, "rpm removes it after the commit; an edited one stays as .rpmsave"
	case p.leftToRPM():
		return ByRPM, "left to rpm, as it is a link or %ghost: an edited one may get .rpmnew or .rpmsave beside it"
	case p.hasIt && !p.new.file.IsConfig():
		return Replaced, "replaced, edited or not: it is no configuration any more; the backup has a copy"
	case !p.hasIt && rule != nil && rule.Policy["*"] == manifest.Old:
		return Kept, "stays as the machine has it, as the spec says"
	case !p.hasIt:
		return Removed, "removed, edited or not; the backup has a copy"
	case rule != nil && len(rule.Set) > 0:
		return Merged, "merged, and set as the spec says"
	case p.hadIt && p.change() == plan.Unchanged:
		return Kept, "stays as the machine has it: both releases have the same"
	case !p.hadIt || p.old.file.IsGhost():
		return Merged, "put there; a file that the machine has there already is merged with it"
	}
	return Merged, "merged with what was changed on the machine; no .rpmnew is left"
}

// leftToRPM tells of what is marked and is no regular file with content of its own.
func (p pair) leftToRPM() bool {
	if p.hasIt && (p.new.file.IsGhost() || !p.new.file.IsRegular()) {
		return true
	}
	if !p.hadIt {
		return false
	}
	if p.old.file.IsGhost() {
		return !p.hasIt // of one that is a file now, the new side is merged
	}
	return !p.old.file.IsRegular()
}
