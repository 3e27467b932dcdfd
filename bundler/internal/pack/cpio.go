package pack

import (
	"fmt"
	"io"
)

// The payload is a cpio archive of the "newc" form (magic 070701): for each entry a
// header of 13 numbers of 8 hexadecimal digits, the name with a final NUL, and the content,
// each padded to 4 bytes.
const (
	cpioHead    = 110
	cpioTrailer = "TRAILER!!!"
	// cpioMax is the largest content that 8 digits can tell, and rpm's 32-bit size tags with them.
	cpioMax = 1<<32 - 1
)

const (
	modeDir  = 0o040000
	modeFile = 0o100000
)

// cpioName is the name in the archive. The dot keeps "cpio -i" inside its folder.
func (e entry) cpioName() string { return "." + e.path }

// cpioSize returns the bytes that an entry takes in the archive.
func cpioSize(name string, size int64) int64 {
	return pad4(cpioHead+int64(len(name))+1) + pad4(size)
}

func pad4(n int64) int64 { return (n + 3) &^ 3 }

// archiveSize returns the bytes of the archive of entries.
func archiveSize(entries []entry) int64 {
	n := cpioSize(cpioTrailer, 0)
	for _, e := range entries {
		if !e.ghost {
			n += cpioSize(e.cpioName(), e.Size)
		}
	}
	return n
}

// cpioHeader returns the header of the i-th entry, from 0, name and padding included.
func cpioHeader(i int, e entry) []byte {
	links := 1
	if e.dir {
		links = 2
	}
	return cpioBytes(e.cpioName(), int64(i)+1, int64(e.fileMode()), links, e.mtime.Unix(), e.Size)
}

func cpioBytes(name string, inode, mode int64, links int, mtime, size int64) []byte {
	b := fmt.Appendf(make([]byte, 0, cpioHead+len(name)+4),
		"070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		inode, mode, 0, 0, links, mtime, size, 0, 0, 0, 0, len(name)+1, 0, name)
	return append(b, make([]byte, pad4(int64(len(b)))-int64(len(b)))...)
}

// cpioEnd returns the archive's last entry.
func cpioEnd() []byte { return cpioBytes(cpioTrailer, 0, 0, 1, 0, 0) }

// writePadding fills content of size bytes up to the next boundary.
func writePadding(w io.Writer, size int64) error {
	var zero [3]byte
	_, err := w.Write(zero[:pad4(size)-size])
	return err
}
