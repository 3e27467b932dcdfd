package rpmpkg

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"onerpm/internal/cpio"
	"onerpm/internal/rpmfile"
)

// numberedMagic begins an entry that has a number in place of its name, kind and size (rpmcpioStrippedHeaderWrite in lib/cpio.c of rpm). All entries of
// packages with sizes of 64 bits are such. go-rpmutils 0.4.0 begins two bytes early in them.
const numberedMagic = "07070X"

// numbered reads an archive of such entries.
type numbered struct {
	r       io.Reader
	files   []rpmfile.FileInfo
	due     []bool // the files that are in the archive and did not come yet
	linked  []bool // files whose content comes with a later name of theirs
	left    int64  // of the content that is open
	padding int64  // behind it
	total   int64  // of all contents so far
}

// maxNumbered bounds the contents of an archive, in bytes, whatever its header says: no store keeps a larger package.
const maxNumbered = 5 << 40

func newNumbered(r io.Reader, files []rpmfile.FileInfo) *numbered {
	n := &numbered{r: r, files: files, due: make([]bool, len(files)), linked: make([]bool, len(files))}
	type inode struct{ device, number uint64 }
	later := map[inode]bool{}
	for i := len(files) - 1; i >= 0; i-- {
		f := files[i]
		n.due[i] = !f.IsGhost()
		if id := (inode{f.Device, f.Inode}); f.IsRegular() && !f.IsGhost() && id.number != 0 {
			n.linked[i] = later[id]
			later[id] = true
		}
	}
	return n
}

// next goes to the next entry; io.EOF tells the end of the archive. Other errors wrap cpio.ErrDamaged.
func (n *numbered) next() (cpio.Member, error) {
	if _, err := io.CopyN(io.Discard, n.r, n.left+n.padding); err != nil {
		return cpio.Member{}, cutOff(err)
	}
	n.left, n.padding = 0, 0
	magic := make([]byte, len(numberedMagic))
	if _, err := io.ReadFull(n.r, magic); err != nil {
		return cpio.Member{}, cutOff(err)
	}
	if string(magic) != numberedMagic {
		return cpio.Member{}, n.end(magic)
	}
	var rest [10]byte // eight digits, and two bytes up to a multiple of four
	if _, err := io.ReadFull(n.r, rest[:]); err != nil {
		return cpio.Member{}, cutOff(err)
	}
	i, err := strconv.ParseUint(string(rest[:8]), 16, 32)
	if err != nil || i >= uint64(len(n.files)) {
		return cpio.Member{}, fmt.Errorf("%w: an entry has the number %q, the header has %d files", cpio.ErrDamaged, rest[:8], len(n.files))
	}
	f := n.files[i]
	if !n.due[i] {
		return cpio.Member{}, fmt.Errorf("%w: %s is there twice, or the header says that it is not there", cpio.ErrDamaged, f.Path)
	}
	n.due[i] = false
	m := cpio.Member{Name: "." + f.Path, Mode: f.Mode}
	if (f.IsRegular() || f.IsLink()) && !n.linked[i] {
		m.Size = f.Size
	}
	if m.Size > maxNumbered-n.total {
		return cpio.Member{}, fmt.Errorf("%w: its files have more than %d bytes", cpio.ErrDamaged, int64(maxNumbered))
	}
	n.total += m.Size
	n.left, n.padding = m.Size, -m.Size&3
	return m, nil
}

// end reads the last entry, of which magic has been read.
func (n *numbered) end(magic []byte) error {
	m, err := cpio.NewReader(io.MultiReader(bytes.NewReader(magic), n.r)).Next()
	if err == nil {
		return fmt.Errorf("%w: the entry %s has a name, others have numbers", cpio.ErrDamaged, m.Name)
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	for i, due := range n.due {
		if due {
			return fmt.Errorf("%w: %s is not in it", cpio.ErrDamaged, n.files[i].Path)
		}
	}
	return io.EOF
}

// Read reads the content of the entry that next returned.
func (n *numbered) Read(p []byte) (int, error) {
	if n.left == 0 {
		return 0, io.EOF
	}
	got, err := n.r.Read(p[:min(int64(len(p)), n.left)])
	n.left -= int64(got)
	if err != nil && n.left > 0 {
		return got, cutOff(err)
	}
	return got, nil
}

func cutOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it is cut off", cpio.ErrDamaged)
	}
	return fmt.Errorf("%w: %w", cpio.ErrDamaged, err)
}
