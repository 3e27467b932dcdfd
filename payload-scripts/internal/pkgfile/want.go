// Package pkgfile knows single files of packages on a host: whether one is as it must
// be, and how the host's own ones, which are not as a package has them, are saved and
// restored. It knows neither rpm nor releases.
//
// It promises that nothing is read or changed through a link that somebody other than
// root made, and that neither a FIFO nor a device is opened.
package pkgfile

import (
	"crypto"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// Want is how a file of the host must be on one side.
type Want struct {
	Package string      // its name
	Path    string      // on the host, without Root
	Mode    fs.FileMode // type, permission, setuid, setgid and sticky bits
	UID     int
	GID     int
	Size    int64
	Digest  string // hex; of regular files
	Algo    crypto.Hash
	Link    string            // of symbolic links
	Xattrs  map[string][]byte // all but labels; nil when they do not count

	IgnoreAttr    bool // mode and owner do not count
	IgnoreContent bool // content and link target do not count (%verify)
	Unproved      bool // a difference makes rpm run, but is not proved afterwards
	Optional      bool // the file may be missing
	Caps          bool // the package gives it capabilities

	FromHost bool // the host's own: not rpm, but the record restores it
	Absent   bool // there must be no file
}

// String tells for people how the file must be.
func (w Want) String() string {
	if w.Absent {
		return "no file, as before the upgrade"
	}
	text := fmt.Sprintf("%s %d:%d", w.Mode, w.UID, w.GID)
	switch {
	case w.Mode.IsRegular():
		text = fmt.Sprintf("%s, %d bytes, %s %s", text, w.Size, w.Algo, short(w.Digest))
	case w.Mode&fs.ModeSymlink != 0:
		text = "link to " + w.Link
	}
	if len(w.Xattrs) > 0 {
		text += " with " + names(w.Xattrs)
	}
	return text
}

func short(digest string) string {
	if len(digest) > 12 {
		return digest[:12] + "..."
	}
	return digest
}

// names lists extended attributes for people.
func names(xattrs map[string][]byte) string {
	return strings.Join(slices.Sorted(maps.Keys(xattrs)), ", ")
}

// isLabel says that an extended attribute is given to a file by the host's policy, not by
// who made the file: rpm gives a new file the right one.
func isLabel(name string) bool {
	return name == "security.selinux" || name == "security.ima" || name == "security.evm"
}

// withoutLabels returns the other extended attributes, not nil.
func withoutLabels(xattrs map[string][]byte) map[string][]byte {
	out := map[string][]byte{}
	for name, value := range xattrs {
		if !isLabel(name) {
			out[name] = value
		}
	}
	return out
}
