package rpmfile

import (
	"crypto"
	_ "crypto/md5"  // rpm's SIGTAG_MD5 and old digests of files
	_ "crypto/sha1" // rpm's SIGTAG_SHA1
	_ "crypto/sha256"
	_ "crypto/sha512"
	"time"
)

// FileInfo is one file of a package's list.
type FileInfo struct {
	Path       string      // absolute
	Mode       uint32      // st_mode: type and permission bits, as in stat(2)
	Size       int64       // bytes
	Digest     string      // of the content, hex; "" for all but regular files, and for some %ghost
	DigestAlgo crypto.Hash // that Digest is made with; 0 when it is not one of Hashes
	Flags      FileFlags
	User       string
	Group      string
	Caps       string // capabilities, as cap_to_text(3) writes them; "" for none
	LinkTo     string // target of a symbolic link
	MTime      time.Time
	Inode      uint64 // equal in files that are hard links of one another, when Device is too
	Device     uint64
}

// Hashes are the digest algorithms that rpm uses, by the numbers of OpenPGP (PGPHASHALGO_ in rpm).
var Hashes = map[uint64]crypto.Hash{
	1: crypto.MD5, 2: crypto.SHA1, 8: crypto.SHA256, 9: crypto.SHA384, 10: crypto.SHA512, 11: crypto.SHA224,
}

// FileFlags are rpm's RPMFILE_ bits.
type FileFlags uint32

// Bits of FileFlags.
const (
	FileConfig    FileFlags = 1 << 0
	FileNoReplace FileFlags = 1 << 4
	FileGhost     FileFlags = 1 << 6
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
