package pkgfile

import (
	"io/fs"
	"path"

	"onerpm/internal/rpmfile"
)

// Growth tells how many bytes and files packages need in a folder beyond what is there, in blocks
// of 4 KiB: a file that is replaced gives its room back, what only the old release has does so at
// the end and does not count. Of several hard links one counts. Peak is the size of the largest
// file, which is there twice for a moment.
type Growth struct {
	Bytes, Files, Peak int64
}

// GrowthOf returns it by folder of the host whose files are below root.
func GrowthOf(root string, packages []*rpmfile.Header) map[string]Growth {
	growth := map[string]Growth{}
	replaced := map[[2]uint64]bool{}
	for _, header := range packages {
		brought := map[[2]uint64]bool{}
		for _, f := range Files(header) {
			if f.IsGhost() || !f.IsRegular() {
				continue
			}
			dir := path.Dir(f.Path)
			g := growth[dir]
			// A header of old has no numbers: then every name is a file of its own.
			if id := [2]uint64{f.Device, f.Inode}; f.Inode == 0 || !brought[id] {
				brought[id] = true
				g.Bytes += blocks(f.Size)
				g.Files++
				g.Peak = max(g.Peak, blocks(f.Size))
			}
			info, err := Stat(clean(root, f.Path))
			if err == nil && info != nil && info.Mode.Type() == fs.FileMode(0) && !replaced[info.Inode] {
				replaced[info.Inode] = true
				g.Bytes -= blocks(info.Size)
				g.Files--
			}
			growth[dir] = g
		}
	}
	return growth
}

func blocks(size int64) int64 { return (size + 4095) &^ 4095 }
