package release

import (
	"strings"

	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
	"onerpm/payload-scripts/internal/pkgfile"
)

// Bits of RPMTAG_FILEVERIFYFLAGS (rpm's RPMVERIFY_): what of a file counts. A
// package says %verify(not md5 ...) of a file that the product writes to.
const (
	verifyContent = 1<<0 | 1<<1 | 1<<2 // digest, size, link target
	verifyAttr    = 1<<3 | 1<<4 | 1<<6 // user, group, mode
	verifyAll     = uint64(1<<32 - 1)
)

// Bits of RPMTAG_FILEFLAGS (rpm's RPMFILE_) of files that an admin may leave out.
const fileDoc, fileMissingOK rpmfile.FileFlags = 1 << 1, 1 << 3

// What a package obsoletes; and the packages, or the beginnings of paths, whose coming or going runs a script of it.
const tagObsoleteName, tagTriggerName, tagFileTriggerName, tagTransFileTriggerName rpmfile.Tag = 1090, 1066, 5069, 5079

// Owners turns names of users and groups into the host's numbers.
type Owners interface {
	User(name string) int
	Group(name string) int
}

// Expected returns how the files of side's carried packages must be, by path.
//
// Left out are %ghost files, and %config files and the targets of the manifest's
// configuration, which the merge writes. Mode and owner do not count where a scriptlet
// of the package ran, or of a folder, which several packages may own.
func (b *Bundle) Expected(side manifest.Side, owners Owners) (map[string]pkgfile.Want, error) {
	carried, err := b.Carried(side)
	if err != nil {
		return nil, err
	}
	theirs, err := b.Paths(manifest.New)
	if err != nil {
		return nil, err
	}
	all := map[string]pkgfile.Want{}
	for _, p := range carried {
		header, err := b.Header(p.File)
		if err != nil {
			return nil, err
		}
		scripts := side == manifest.New && b.runsScripts(header)
		verify := header.Main.Ints(rpmfile.TagFileVerifyFlags)
		for i, f := range pkgfile.Files(header) {
			if f.IsConfig() || f.IsGhost() || b.Merged(f.Path) || theirs[f.Path].IsConfig() {
				continue
			}
			counts := verifyAll
			if i < len(verify) {
				counts = verify[i]
			}
			all[f.Path] = pkgfile.Want{
				Package: p.Name, Path: f.Path, Mode: pkgfile.GoMode(f.Mode),
				UID: owners.User(f.User), GID: owners.Group(f.Group),
				Size: f.Size, Digest: f.Digest, Algo: f.DigestAlgo, Link: f.LinkTo,
				IgnoreAttr: scripts || f.IsDir() || counts&verifyAttr != verifyAttr, IgnoreContent: counts&verifyContent != verifyContent,
				Unproved: b.InState(f.Path),
				Caps:     f.Caps != "",
				Optional: f.Flags&(fileDoc|fileMissingOK) != 0,
			}
		}
	}
	return all, nil
}

// runsScripts reports whether one of the package's own scriptlets runs when it
// is installed: it may give files other owners and modes.
func (b *Bundle) runsScripts(h *rpmfile.Header) bool {
	skip := map[string]bool{}
	for _, k := range b.Manifest.Skip {
		skip[k.Kind] = true
	}
	return hasScriptlet(h, func(kind string) bool {
		return (kind == "pre" || kind == "post") && !skip[kind] || kind == "pretrans" || kind == "posttrans"
	}) || hasTriggers(h)
}

// hasScriptlet reports whether a package has a scriptlet of one of the kinds: its text, or a program that needs none.
func hasScriptlet(h *rpmfile.Header, kinds func(string) bool) bool {
	for _, s := range rpmfile.ScriptletTags {
		if kinds(s.Kind) && (h.Main.Has(s.Body) || h.Main.Has(s.Prog)) {
			return true
		}
	}
	return false
}

// hasTriggers reports whether a package has scriptlets that run when other packages, or files of others, come or go.
func hasTriggers(h *rpmfile.Header) bool {
	return h.Main.Has(tagTriggerName) || h.Main.Has(tagFileTriggerName) || h.Main.Has(tagTransFileTriggerName)
}

// RunsScripts reports whether a scriptlet runs, or may run, in the transaction to side.
func (b *Bundle) RunsScripts(side manifest.Side) (bool, error) {
	return b.any(side, func(h *rpmfile.Header) bool { return b.runsScripts(h) })
}

// HasTriggers reports whether one of the packages of either release has triggers of its own.
func (b *Bundle) HasTriggers() (bool, error) { return b.anyOfBoth(hasTriggers) }

// HasTransactionScriptlets reports whether one of them has scriptlets of the transaction as
// a whole, such as %posttrans.
func (b *Bundle) HasTransactionScriptlets() (bool, error) {
	return b.anyOfBoth(func(h *rpmfile.Header) bool {
		return hasScriptlet(h, func(kind string) bool { return strings.HasSuffix(kind, "trans") })
	})
}

// anyOfBoth reports whether something is so for one of the packages of either transaction.
func (b *Bundle) anyOfBoth(is func(*rpmfile.Header) bool) (bool, error) {
	for _, side := range []manifest.Side{manifest.Old, manifest.New} {
		if has, err := b.any(side, is); has || err != nil {
			return has, err
		}
	}
	return false, nil
}

// any reports whether something is so for one of the packages of the transaction to side.
func (b *Bundle) any(side manifest.Side, is func(*rpmfile.Header) bool) (bool, error) {
	files, err := b.RPMs(side)
	if err != nil {
		return false, err
	}
	for _, file := range files {
		header, err := b.Header(file)
		if err != nil {
			return false, err
		}
		if is(header) {
			return true, nil
		}
	}
	return false, nil
}

// Merged reports whether a path is a target of the manifest's configuration whose
// files the bundle has by themselves.
func (b *Bundle) Merged(p string) bool {
	for _, c := range b.Manifest.Config {
		if c.Target == p && !c.InPackage() {
			return true
		}
	}
	return false
}

// InState reports whether a path is one of the manifest's state paths or below one.
func (b *Bundle) InState(p string) bool {
	for _, root := range b.Manifest.State {
		if p == root || strings.HasPrefix(p, strings.TrimSuffix(root, "/")+"/") {
			return true
		}
	}
	return false
}
