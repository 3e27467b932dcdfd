package pack

import (
	"context"
	"fmt"
	"io"
)

// archive is the payload before it is packed, a cpio archive of the "newc" form (magic 070701): for each
// entry a header of 13 numbers of 8 hexadecimal digits, the name with a final NUL, and the content, each padded
// to 4 bytes.
//
// In a large package an entry's header is the magic 07070X and the number of its file in the package's header, from 0, in
// 8 hexadecimal digits (rpmcpioStrippedHeaderWrite in lib/cpio.c of rpm). The last entry is as in the other form.
type archive struct {
	entries []entry // in the order of the package's header
	large   bool
}

const (
	modeDir  = 0o040000
	modeFile = 0o100000
)

// size returns the bytes of the archive.
func (a archive) size() int64 {
	n := int64(len(cpioEnd()))
	for i, e := range a.entries {
		if !e.ghost {
			n += int64(len(a.header(i))) + pad4(e.Size)
		}
	}
	return n
}

// header returns the header of the i-th entry, from 0, name and padding included.
func (a archive) header(i int) []byte {
	e := a.entries[i]
	if a.large {
		return padded(fmt.Appendf(nil, "07070X%08x", i))
	}
	links := 1
	if e.dir {
		links = 2
	}
	// The dot keeps "cpio -i" inside its folder.
	return cpioBytes("."+e.path, int64(i)+1, int64(e.fileMode()), links, e.mtime.Unix(), e.Size)
}

// write writes the archive, and compares each file with its size and SHA-256 as it goes by.
func (a archive) write(ctx context.Context, w io.Writer, progress func(int64)) error {
	buf := make([]byte, 256<<10)
	for i, e := range a.entries {
		if e.ghost {
			continue
		}
		if _, err := w.Write(a.header(i)); err != nil {
			return err
		}
		if e.dir {
			continue
		}
		if err := copyContent(ctx, w, e.File, buf, progress); err != nil {
			return err
		}
		if err := writePadding(w, e.Size); err != nil {
			return err
		}
	}
	_, err := w.Write(cpioEnd())
	return err
}

func cpioBytes(name string, inode, mode int64, links int, mtime, size int64) []byte {
	return padded(fmt.Appendf(make([]byte, 0, 128+len(name)),
		"070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		inode, mode, 0, 0, links, mtime, size, 0, 0, 0, 0, len(name)+1, 0, name))
}

// cpioEnd returns the archive's last entry.
func cpioEnd() []byte { return cpioBytes("TRAILER!!!", 0, 0, 1, 0, 0) }

func pad4(n int64) int64 { return (n + 3) &^ 3 }

func padded(b []byte) []byte { return append(b, make([]byte, pad4(int64(len(b)))-int64(len(b)))...) }

// writePadding fills content of size bytes up to the next boundary.
func writePadding(w io.Writer, size int64) error {
	var zero [3]byte
	_, err := w.Write(zero[:pad4(size)-size])
	return err
}
