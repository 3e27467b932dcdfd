// Package pkgfile knows single files of packages on a host: whether one is as it must
// be, and how the host's own ones, which are not as a package has them, are saved and
// restored. It knows neither rpm nor releases.
package pkgfile

import (
	"fmt"
	"io/fs"

	"onerpm/internal/rpmfile"
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
	Algo    rpmfile.Algo
	Link    string // of symbolic links

	Lax    bool // mode and owner do not count
	Varies bool // content and link target do not count (%verify)
	Soft   bool // a difference makes rpm run, but does not fail the proof
	May    bool // the file may be missing

	Own    bool // the host's own: not rpm, but the record restores it
	Absent bool // there must be no file
}

// String tells for people how the file must be.
func (w Want) String() string {
	if w.Absent {
		return "no file, as before the upgrade"
	}
	text := fmt.Sprintf("%s %d:%d", w.Mode, w.UID, w.GID)
	switch {
	case w.Mode.IsRegular():
		return fmt.Sprintf("%s, %d bytes, %s %s", text, w.Size, w.Algo, short(w.Digest))
	case w.Mode&fs.ModeSymlink != 0:
		return "link to " + w.Link
	}
	return text
}
