package pkgfile

import (
	"crypto"
	"time"

	"onerpm/internal/rpmfile"
)

// Files returns a package's files in the order of the header, which is that of
// their paths. A package without files gives nil.
func Files(h *rpmfile.Header) []rpmfile.FileInfo {
	paths := pathsOf(h)
	if len(paths) == 0 {
		return nil
	}
	sizes := h.Main.Ints(rpmfile.TagLongFileSizes)
	if sizes == nil {
		sizes = h.Main.Ints(rpmfile.TagFileSizes)
	}
	algo := crypto.MD5 // where the header does not say
	if v, ok := h.Main.Int(rpmfile.TagFileDigestAlgo); ok {
		algo = rpmfile.Hashes[v]
	}
	modes, flags, times := h.Main.Ints(rpmfile.TagFileModes), h.Main.Ints(rpmfile.TagFileFlags), h.Main.Ints(rpmfile.TagFileMTimes)
	inodes, devices := h.Main.Ints(rpmfile.TagFileInodes), h.Main.Ints(rpmfile.TagFileDevices)
	digests, links := h.Main.Strings(rpmfile.TagFileDigests), h.Main.Strings(rpmfile.TagFileLinkTos)
	users, groups, caps := h.Main.Strings(rpmfile.TagFileUserName), h.Main.Strings(rpmfile.TagFileGroupName), h.Main.Strings(rpmfile.TagFileCaps)

	files := make([]rpmfile.FileInfo, len(paths))
	for i := range files {
		files[i] = rpmfile.FileInfo{
			Path: paths[i], Mode: uint32(at(modes, i)), Size: int64(at(sizes, i)),
			Digest: at(digests, i), DigestAlgo: algo, Flags: rpmfile.FileFlags(at(flags, i)),
			User: at(users, i), Group: at(groups, i), LinkTo: at(links, i), Caps: at(caps, i),
			MTime: time.Unix(int64(at(times, i)), 0).UTC(),
			Inode: at(inodes, i), Device: at(devices, i),
		}
	}
	return files
}

// pathsOf puts folder and base names together (RPMTAG_OLDFILENAMES has them whole).
func pathsOf(h *rpmfile.Header) []string {
	bases := h.Main.Strings(rpmfile.TagBaseNames)
	if bases == nil {
		return h.Main.Strings(rpmfile.TagOldFileNames)
	}
	dirs, indexes := h.Main.Strings(rpmfile.TagDirNames), h.Main.Ints(rpmfile.TagDirIndexes)
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
