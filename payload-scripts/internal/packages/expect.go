package packages

import (
	"io/fs"
	"path"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
)

// expectation is how a file of the host must be on one side.
type expectation struct {
	pkg    string
	path   string      // on the host, without Root
	mode   fs.FileMode // type, permission, setuid, setgid and sticky bits
	uid    int
	gid    int
	size   int64
	digest string // hex; of regular files
	algo   rpmfile.Algo
	link   string // of symbolic links

	lax    bool // mode and owner do not count
	varies bool // content and link target do not count (%verify)
	soft   bool // a difference makes rpm run, but does not fail the proof
	may    bool // the file may be missing

	own    bool // the host's own: not rpm, but the record restores it
	absent bool // there must be no file
}

// Bits of RPMTAG_FILEVERIFYFLAGS (rpm's RPMVERIFY_): what of a file counts. A
// package says %verify(not md5 ...) of a file that the product writes to.
const (
	verifyContent = 1<<0 | 1<<1 | 1<<2 // digest, size, link target
	verifyAttr    = 1<<3 | 1<<4 | 1<<6 // user, group, mode
	verifyAll     = uint64(1<<32 - 1)
)

// expected returns how the files of side's carried packages must be, by path.
// Owners are resolved with who.
func (s *Set) expected(side manifest.Side, who *owners) (map[string]expectation, error) {
	carried, err := s.carried(side)
	if err != nil {
		return nil, err
	}
	theirs, err := s.paths(manifest.New)
	if err != nil {
		return nil, err
	}
	all := map[string]expectation{}
	for _, p := range carried {
		header, err := s.header(p.File)
		if err != nil {
			return nil, err
		}
		scripts := side == manifest.New && s.runsScripts(header)
		verify := header.Main.Ints(rpmfile.TagFileVerifyFlags)
		for i, f := range header.Files() {
			if f.IsConfig() || f.IsGhost() || s.merged(f.Path) || theirs[f.Path].IsConfig() {
				continue
			}
			counts := verifyAll
			if i < len(verify) {
				counts = verify[i]
			}
			all[f.Path] = expectation{
				pkg: p.Name, path: f.Path, mode: f.FileMode(),
				uid: who.user(f.User), gid: who.group(f.Group),
				size: f.Size, digest: f.Digest, algo: f.DigestAlgo, link: f.LinkTo,
				lax: scripts || f.IsDir() || counts&verifyAttr != verifyAttr, varies: counts&verifyContent != verifyContent,
				soft: s.inState(f.Path),
				may:  f.Flags&(rpmfile.FileDoc|rpmfile.FileMissingOK) != 0,
			}
		}
	}
	if side == manifest.Old {
		return all, s.overlay(all)
	}
	return all, nil
}

// runsScripts reports whether one of the package's own scriptlets runs when it
// is installed: it may give files other owners and modes.
func (s *Set) runsScripts(h *rpmfile.Header) bool {
	skip := map[string]bool{}
	for _, k := range s.Manifest.Skip {
		skip[k.Kind] = true
	}
	for _, script := range h.Scriptlets() {
		switch script.Kind {
		case "pre", "post":
			if !skip[script.Kind] {
				return true
			}
		case "pretrans", "posttrans":
			return true
		}
	}
	return h.HasTriggers()
}

// merged reports whether a path is a target of the manifest's configuration whose
// files the bundle has by themselves.
func (s *Set) merged(p string) bool {
	for _, c := range s.Manifest.Config {
		if c.Target == p && !c.InPackage() {
			return true
		}
	}
	return false
}

// inState reports whether a path is one of the manifest's state paths or below one.
func (s *Set) inState(p string) bool {
	for _, root := range s.Manifest.State {
		if p == root || strings.HasPrefix(p, strings.TrimSuffix(root, "/")+"/") {
			return true
		}
	}
	return false
}

// paths returns the files of all of side's carried packages by path, those of optional
// packages that the host lacks too: for looking after what an interrupted rpm left.
func (s *Set) paths(side manifest.Side) (map[string]rpmfile.FileInfo, error) {
	all := map[string]rpmfile.FileInfo{}
	for _, p := range s.Manifest.Set(side) {
		if p.File == "" {
			continue
		}
		header, err := s.header(p.File)
		if err != nil {
			return nil, err
		}
		for _, f := range header.Files() {
			all[path.Clean(f.Path)] = f
		}
	}
	return all, nil
}
