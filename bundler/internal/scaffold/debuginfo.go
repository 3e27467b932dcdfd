package scaffold

import (
	"regexp"
	"slices"
	"strings"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/release"
	"onerpm/internal/rpmfile"
)

// debugName are the names that rpmbuild gives to what it makes beside a package for debuggers.
var debugName = regexp.MustCompile(`-debug(info|source)(-common(-.*)?)?$`)

// WithoutDebugInfo takes out of a folder's packages those with debug information, which rpmbuild leaves
// there and no host has as a rule. They stay when the release names them. left are their
// names. Error: exit.Missing when nothing else is there.
func WithoutDebugInfo(packages []Package, rel *release.Release) (kept []Package, left []string, err error) {
	for _, p := range packages {
		named := rel != nil && slices.ContainsFunc(rel.Components, func(c release.Component) bool { return c.Name == p.Header.Name })
		if isDebugInfo(p.Header) && !named {
			left = append(left, p.Header.NVR())
		} else {
			kept = append(kept, p)
		}
	}
	if kept == nil && left != nil {
		return nil, nil, exit.Errorf(exit.Missing, "name the folder that holds the RPMs of the release", "there is nothing but debug information: %s", strings.Join(left, ", "))
	}
	return kept, left, nil
}

// isDebugInfo tells whether a package is for debuggers alone: by its name and by where all its files are.
func isDebugInfo(h *rpmfile.Header) bool {
	return debugName.MatchString(h.Name) && !slices.ContainsFunc(h.Files(), func(f rpmfile.FileInfo) bool {
		return !strings.HasPrefix(f.Path+"/", "/usr/lib/debug/") && !strings.HasPrefix(f.Path+"/", "/usr/src/debug/")
	})
}
