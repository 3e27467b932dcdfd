package rpmcheck

import (
	"fmt"
	"path"
	"strings"

	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/rpmfile"
)

// Clash is a path at which two packages of a set have different things, which rpm
// refuses ("conflicts between attempted installs").
type Clash struct {
	Path   string // as Second lists it
	First  *rpmpkg.Package
	Second *rpmpkg.Package
	What   string // how the two differ, e.g. "another type"
}

// Clashes lists what clashes in the set. One path may be written in two ways that lead to the
// same place, by a link that a package brings or that every host has; then a package may clash with itself.
func (s Set) Clashes() []Clash {
	type owner struct {
		by   *rpmpkg.Package
		file file
	}
	links := s.links()
	owners := map[string][]owner{}
	var out []Clash
	for _, h := range s.packages {
		devices, colours := h.Ints(rpmfile.TagFileRdevs), h.Ints(tagFileColors)
		for i, info := range h.Files() {
			f := file{FileInfo: info}
			if i < len(devices) {
				f.device = devices[i]
			}
			if i < len(colours) {
				f.colour = colours[i] & 3
			}
			at := links.resolve(f.Path)
			for _, o := range owners[at] {
				if what := differ(o.file, f); what != "" {
					out = append(out, Clash{f.Path, o.by, h, what})
				}
			}
			owners[at] = append(owners[at], owner{h, f})
		}
	}
	return out
}

type file struct {
	rpmfile.FileInfo
	device int64 // number of a device file
	colour int64 // 1 for a program of 32 bits, 2 for one of 64, 0 for others
}

const tagFileColors rpmfile.Tag = 1140

// kind is the type of a file. What has none is a regular file for rpm.
func (f file) kind() uint32 {
	switch k := f.Mode & 0o170000; k {
	case folder, link, fifo, socket, charDevice, blockDevice:
		return k
	}
	return regular
}

// Types of files, as in stat(2).
const (
	fifo        = 0o010000
	charDevice  = 0o020000
	folder      = 0o040000
	blockDevice = 0o060000
	regular     = 0o100000
	link        = 0o120000
	socket      = 0o140000
)

// differ says how two files at one path differ, "" when rpm lets both be (rpmfilesCompare). Of
// two programs for 32 and 64 bits, x86_64 takes the latter (handleColorConflict).
func differ(a, b file) string {
	kind := a.kind()
	switch {
	case a.IsGhost() || b.IsGhost(), a.colour != 0 && b.colour != 0 && a.colour != b.colour:
		return ""
	case kind != b.kind():
		return "another type"
	case kind != link && a.Mode != b.Mode: // the bits of a link mean nothing
		return fmt.Sprintf("another mode: %04o and %04o", a.Mode&0o7777, b.Mode&0o7777)
	case (kind == link || kind == regular) && a.Size != b.Size:
		return "other content"
	case a.User != b.User || a.Group != b.Group:
		return fmt.Sprintf("another owner: %s:%s and %s:%s", a.User, a.Group, b.User, b.Group)
	case kind == link && a.LinkTo != b.LinkTo:
		return fmt.Sprintf("another target: %s and %s", a.LinkTo, b.LinkTo)
	case kind == regular && (a.Digest != b.Digest || a.DigestAlgo != b.DigestAlgo):
		return "other content" // also when only the algorithms differ: rpm cannot compare those
	case (kind == charDevice || kind == blockDevice) && a.device != b.device:
		return "another device number"
	}
	return ""
}

// links are symbolic links, path -> target, that paths may lead through.
type links map[string]string

// mergedUsr are the links of every distribution since EL7.
var mergedUsr = links{"/bin": "usr/bin", "/sbin": "usr/sbin", "/lib": "usr/lib", "/lib64": "usr/lib64"}

// links are those of the set and of every host.
func (s Set) links() links {
	out := links{}
	for at, to := range mergedUsr {
		out[at] = to
	}
	for _, h := range s.packages {
		for _, f := range h.Files() {
			if f.IsLink() && f.LinkTo != "" {
				out[path.Clean(f.Path)] = f.LinkTo
			}
		}
	}
	return out
}

// maxLinks bounds the links on one path, which may lead in a circle. It is rpm's own bound.
const maxLinks = 50

// resolve returns where a path leads, through links among its folders.
func (l links) resolve(name string) string {
	name = path.Clean(name)
	for range maxLinks {
		next := l.step(name)
		if next == name {
			break
		}
		name = next
	}
	return name
}

// step goes through the first link among the folders of a path.
func (l links) step(name string) string {
	for i := 1; i < len(name); i++ {
		if name[i] != '/' {
			continue
		}
		if to, is := l[name[:i]]; is {
			if !strings.HasPrefix(to, "/") {
				to = path.Join(path.Dir(name[:i]), to)
			}
			return path.Clean(to + name[i:])
		}
	}
	return name
}
