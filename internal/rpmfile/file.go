package rpmfile

import (
	"io/fs"
	"time"
)

// FileInfo is one file of a package's list.
type FileInfo struct {
	Path       string // absolute
	Mode       uint32 // st_mode: type and permission bits, as in stat(2)
	Size       int64  // bytes
	Digest     string // of the content, hex; "" for all but regular files, and for some %ghost
	DigestAlgo Algo   // that Digest is made with
	Flags      FileFlags
	User       string
	Group      string
	Caps       string // capabilities, as cap_to_text(3) writes them; "" for none
	LinkTo     string // target of a symbolic link
	MTime      time.Time
	Inode      uint64 // equal in files that are hard links of one another, when Device is too
	Device     uint64
}

// FileFlags are rpm's RPMFILE_ bits.
type FileFlags uint32

// Bits of FileFlags.
const (
	FileConfig    FileFlags = 1 << 0
	FileDoc       FileFlags = 1 << 1
	FileMissingOK FileFlags = 1 << 3
	FileNoReplace FileFlags = 1 << 4
	FileGhost     FileFlags = 1 << 6
	FileLicense   FileFlags = 1 << 7
	FileReadme    FileFlags = 1 << 8
	FileArtifact  FileFlags = 1 << 12
)

// IsConfig reports whether the file is marked %config.
func (f FileInfo) IsConfig() bool { return f.Flags&FileConfig != 0 }

// IsGhost reports whether the file is marked %ghost: owned, not in the payload.
func (f FileInfo) IsGhost() bool { return f.Flags&FileGhost != 0 }

// IsRegular reports whether f is a regular file.
func (f FileInfo) IsRegular() bool { return f.Mode&0o170000 == 0o100000 }

// IsDir reports whether f is a folder.
func (f FileInfo) IsDir() bool { return f.Mode&0o170000 == 0o040000 }

// IsLink reports whether f is a symbolic link.
func (f FileInfo) IsLink() bool { return f.Mode&0o170000 == 0o120000 }

// FileMode returns Mode in the standard library's form.
func (f FileInfo) FileMode() fs.FileMode {
	m := fs.FileMode(f.Mode & 0o777)
	switch f.Mode & 0o170000 {
	case 0o040000:
		m |= fs.ModeDir
	case 0o120000:
		m |= fs.ModeSymlink
	case 0o010000:
		m |= fs.ModeNamedPipe
	case 0o140000:
		m |= fs.ModeSocket
	case 0o060000:
		m |= fs.ModeDevice
	case 0o020000:
		m |= fs.ModeDevice | fs.ModeCharDevice
	}
	for bit, mode := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if f.Mode&bit != 0 {
			m |= mode
		}
	}
	return m
}

// Files returns the package's files in the order of the header, which is that of
// their paths. A package without files gives nil.
func (h *Header) Files() []FileInfo {
	paths := h.paths()
	if len(paths) == 0 {
		return nil
	}
	sizes := h.Main.Ints(TagLongFileSizes)
	if sizes == nil {
		sizes = h.Main.Ints(TagFileSizes)
	}
	algo := MD5
	if v, ok := h.Main.Int(TagFileDigestAlgo); ok {
		algo = Algo(v)
	}
	modes, flags, times := h.Main.Ints(TagFileModes), h.Main.Ints(TagFileFlags), h.Main.Ints(TagFileMTimes)
	inodes, devices := h.Main.Ints(TagFileInodes), h.Main.Ints(TagFileDevices)
	digests, links := h.Main.Strings(TagFileDigests), h.Main.Strings(TagFileLinkTos)
	users, groups := h.Main.Strings(TagFileUserName), h.Main.Strings(TagFileGroupName)

	caps := h.Main.Strings(TagFileCaps)

	files := make([]FileInfo, len(paths))
	for i := range files {
		files[i] = FileInfo{
			Path: paths[i], Mode: uint32(at(modes, i)), Size: int64(at(sizes, i)),
			Digest: at(digests, i), DigestAlgo: algo, Flags: FileFlags(at(flags, i)),
			User: at(users, i), Group: at(groups, i), LinkTo: at(links, i), Caps: at(caps, i),
			MTime: time.Unix(int64(at(times, i)), 0).UTC(),
			Inode: at(inodes, i), Device: at(devices, i),
		}
	}
	return files
}

// paths puts folder and base names together (RPMTAG_OLDFILENAMES has them whole).
func (h *Header) paths() []string {
	bases := h.Main.Strings(TagBaseNames)
	if bases == nil {
		return h.Main.Strings(TagOldFileNames)
	}
	dirs, indexes := h.Main.Strings(TagDirNames), h.Main.Ints(TagDirIndexes)
	for i := range bases {
		bases[i] = dirs[indexes[i]] + bases[i]
	}
	return bases
}

// at returns list[i], or the zero value where the header has no such list.
func at[T any](list []T, i int) T {
	if i < len(list) {
		return list[i]
	}
	var zero T
	return zero
}
