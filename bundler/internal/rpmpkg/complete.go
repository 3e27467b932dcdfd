package rpmpkg

import (
	"path"
	"slices"

	"github.com/cavaliergopher/rpm"

	"onerpm/internal/rpmfile"
)

// Lists with a line for each file.
var (
	fileNumbers = []rpmfile.Tag{rpmfile.TagFileSizes, rpmfile.TagFileModes, rpmfile.TagFileMTimes, rpmfile.TagFileFlags, rpmfile.TagFileDevices, rpmfile.TagFileInodes}
	fileStrings = []rpmfile.Tag{rpmfile.TagFileDigests, rpmfile.TagFileLinkTos, rpmfile.TagFileUserName, rpmfile.TagFileGroupName, rpmfile.TagFileCaps}
)

// header is the main header as the library has read it.
type header struct{ rpm.Header }

// complete makes a header what the library takes it for: a list that rpm may leave out gets a line
// for each name; paths in one piece, sizes of 64 bits and numbers of 8 go where the library looks for them.
func (h header) complete() {
	h.widen()
	for _, r := range slices.Concat(strong, weak) {
		if names := len(h.strings(r.names)); names > 0 {
			h.set(r.flags, resized(h.numbers(r.flags), names))
			h.set(r.versions, resized(h.strings(r.versions), names))
		}
	}
	h.splitPaths()
	files := len(h.strings(rpmfile.TagBaseNames))
	if files == 0 {
		return
	}
	if long := h.numbers(rpmfile.TagLongFileSizes); long != nil {
		h.set(rpmfile.TagFileSizes, long)
	}
	for _, tag := range fileNumbers {
		h.set(tag, resized(h.numbers(tag), files))
	}
	for _, tag := range fileStrings {
		h.set(tag, resized(h.strings(tag), files))
	}
}

// widen makes numbers of 8 bits, which the library takes for bytes, numbers like others.
func (h header) widen() {
	for _, tag := range h.Tags {
		if b, ok := tag.Value.([]byte); ok && tag.Type != rpm.TagTypeBinary {
			list := make([]int64, len(b))
			for i, v := range b {
				list[i] = int64(v)
			}
			tag.Value = list
		}
	}
}

// splitPaths writes paths in one piece (RPMTAG_OLDFILENAMES) as folder and name.
func (h header) splitPaths() {
	old := h.strings(rpmfile.TagOldFileNames)
	if old == nil {
		return
	}
	dirs, bases, index := make([]string, len(old)), make([]string, len(old)), make([]int64, len(old))
	for i, p := range old {
		dirs[i], bases[i] = path.Split(p)
		index[i] = int64(i)
	}
	h.set(rpmfile.TagDirNames, dirs)
	h.set(rpmfile.TagBaseNames, bases)
	h.set(rpmfile.TagDirIndexes, index)
}

func (h header) strings(tag rpmfile.Tag) []string { return h.GetTag(int(tag)).StringSlice() }
func (h header) numbers(tag rpmfile.Tag) []int64  { return h.GetTag(int(tag)).Int64Slice() }

// set gives a tag a list of strings or of numbers.
func (h header) set(tag rpmfile.Tag, list any) {
	h.Tags[int(tag)] = &rpm.Tag{ID: int(tag), Value: list}
}

// resized returns a list of n values: the first of list, and zero values behind them.
func resized[T any](list []T, n int) []T {
	out := make([]T, n)
	copy(out, list)
	return out
}
