package rpmpkg

import (
	"crypto"

	"onerpm/internal/rpmfile"
)

// Files returns the package's files in the order of the header, which is that of
// their paths. A package without files gives nil.
func (p *Package) Files() []rpmfile.FileInfo {
	list := p.Lib.Files()
	if len(list) == 0 {
		return nil
	}
	algo := crypto.MD5 // where the header does not say
	if v, ok := p.Main.Int(rpmfile.TagFileDigestAlgo); ok {
		algo = rpmfile.Hashes[v]
	}
	// What the library leaves out or, of a mode, turns into Go's own form.
	modes, caps := p.Ints(rpmfile.TagFileModes), p.Strings(rpmfile.TagFileCaps)
	inodes, devices := p.Ints(rpmfile.TagFileInodes), p.Ints(rpmfile.TagFileDevices)
	files := make([]rpmfile.FileInfo, len(list))
	for i, f := range list {
		files[i] = rpmfile.FileInfo{
			Path: f.Name(), Mode: uint32(modes[i]), Size: f.Size(), Digest: f.Digest(), DigestAlgo: algo,
			Flags: rpmfile.FileFlags(f.Flags()), User: f.Owner(), Group: f.Group(), Caps: caps[i], LinkTo: f.Linkname(),
			MTime: f.ModTime().UTC(), Inode: uint64(inodes[i]), Device: uint64(devices[i]),
		}
	}
	return files
}
