package rebuild

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
	"onerpm/internal/stored"
	"onerpm/payload-scripts/internal/host"
)

// output is a package that is being made, under a name of its own.
type output struct {
	path    string
	f       *os.File
	sum     *proved
	payload *stored.Writer // that takes the payload; it has no room for more
}

// temporary is what the name of a package ends in while it is made.
const temporary = "~"

// begin writes the head of a package, and makes room for the rest.
func (b Bundle) begin(r manifest.Rebuilt, folder string, tell func(string, int64)) (*output, error) {
	o := &output{path: filepath.Join(folder, r.File), sum: &proved{size: r.Size, sha256: r.SHA256, hash: sha256.New()}}
	if err := os.MkdirAll(filepath.Dir(o.path), 0o700); err != nil {
		return nil, err
	}
	host.Point("create", o.path)
	var err error
	if o.f, err = os.OpenFile(o.path+temporary, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600); err != nil {
		return nil, err
	}
	err = unix.Fallocate(int(o.f.Fd()), 0, 0, r.Size)
	if err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		return nil, errors.Join(fmt.Errorf("take %d bytes of disk space for %s: %w", r.Size, o.path, err), o.drop())
	}
	w := io.MultiWriter(o.f, o.sum)
	if tell != nil {
		w = io.MultiWriter(w, told{r.File, tell})
	}
	if err = b.head(w, r.Head); err == nil {
		o.payload, err = stored.NewWriter(r.Compressor, w, r.PayloadSize)
	}
	if err != nil {
		return nil, errors.Join(err, o.drop())
	}
	return o, nil
}

// head copies a file of the bundle, and compares it.
func (b Bundle) head(w io.Writer, file string) error {
	f, err := os.Open(filepath.Join(b.Dir, file))
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // read only
	in := newProved(b.Manifest, file)
	if _, err := io.Copy(io.MultiWriter(w, in), io.LimitReader(f, in.size+1)); err != nil {
		return err
	}
	return in.compare(f.Name())
}

// compare demands that all of the package came, and that it is right.
func (o *output) compare() error {
	if err := o.payload.Close(); err != nil {
		return err
	}
	return o.sum.compare(o.path)
}

// name gives the package its name.
func (o *output) name() error {
	if err := o.f.Close(); err != nil {
		return err
	}
	o.f = nil
	host.Point("rename", o.path)
	return os.Rename(o.path+temporary, o.path)
}

// drop removes what was written, unless it has its name.
func (o *output) drop() error {
	if o.f == nil {
		return nil
	}
	return errors.Join(o.f.Close(), os.Remove(o.path+temporary))
}

// told tells what is written.
type told struct {
	file string
	tell func(string, int64)
}

func (t told) Write(p []byte) (int, error) {
	t.tell(t.file, int64(len(p)))
	return len(p), nil
}

// proved takes the size and the SHA-256 of what is written to it.
type proved struct {
	size   int64  // that it must have
	sha256 string // likewise
	hash   hash.Hash
	n      int64
}

// newProved returns one for a file that the manifest lists.
func newProved(m *manifest.Manifest, file string) *proved {
	p := &proved{hash: sha256.New()}
	for _, f := range m.Files {
		if f.Path == file {
			p.size, p.sha256 = f.Size, f.SHA256
		}
	}
	return p
}

func (p *proved) Write(b []byte) (int, error) {
	p.n += int64(len(b))
	return p.hash.Write(b)
}

// compare fails with a *DamagedError; path is what was read, or made.
func (p *proved) compare(path string) error {
	if p.n != p.size {
		return &DamagedError{path, fmt.Sprintf("it has %d bytes, the manifest says %d", p.n, p.size)}
	}
	if got := hex.EncodeToString(p.hash.Sum(nil)); got != p.sha256 {
		return &DamagedError{path, fmt.Sprintf("its sha256 is %s, the manifest says %s", got, p.sha256)}
	}
	return nil
}

// isWhole reports whether a rebuilt package is there and is what it must be.
func isWhole(path string, r manifest.Rebuilt) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close() //nolint:errcheck // read only
	there := &proved{size: r.Size, sha256: r.SHA256, hash: sha256.New()}
	if info, err := f.Stat(); err != nil || info.Size() != r.Size {
		return false, err
	}
	if _, err := io.Copy(there, f); err != nil {
		return false, err
	}
	return there.compare(path) == nil, nil
}
