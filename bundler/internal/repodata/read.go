package repodata

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/klauspost/compress/gzip"

	"onerpm/internal/nevra"
)

// Package is what primary says of a package: what it is and where it lies.
type Package struct {
	nevra.ID
	SHA256 string // of the file
	Size   int64  // bytes of the file
	Place  Place
}

// readList gives use the uncompressed list, and checks sizes and checksums of it both
// as it lies there and uncompressed. A wrong checksum is reported before whatever it made use fail with.
func readList(f File, use func(r io.Reader) error) error {
	file, err := os.Open(f.Path)
	if err != nil {
		return fmt.Errorf("read %s: %w", f.Name, err)
	}
	defer file.Close() //nolint:errcheck // only read
	outer := newSummed(io.Discard)
	packed := io.TeeReader(io.LimitReader(file, f.Size+1), outer)
	err = unpack(f, bufio.NewReaderSize(packed, 64<<10), use)
	if _, rest := io.Copy(io.Discard, packed); rest != nil {
		return fmt.Errorf("read %s: %w", f.Name, rest)
	}
	if got := outer.sum(); got != f.SHA256 {
		return malformed(f.Type, "%s has SHA-256 %s", f.Name, got)
	}
	return err
}

func unpack(f File, r *bufio.Reader, use func(r io.Reader) error) error {
	z, err := gzip.NewReader(r)
	if err != nil {
		return &FormatError{f.Type, err}
	}
	inner := newSummed(io.Discard)
	open := io.TeeReader(io.LimitReader(z, f.OpenSize+1), inner)
	if err := use(open); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, open); err != nil {
		return &FormatError{f.Type, err}
	}
	if got := inner.sum(); got != f.OpenSHA256 || inner.n != f.OpenSize {
		return malformed(f.Type, "uncompressed it has %d bytes and SHA-256 %s, repomd.xml tells %d and %s", inner.n, got, f.OpenSize, f.OpenSHA256)
	}
	return nil
}

// errStop ends a walk that the caller has had enough of.
var errStop = errors.New("stop")

// walk reads list i and gives each package of it to visit, once it was found to be
// well-formed XML. It returns a digest of the packages' ids, in order.
func (s *Set) walk(ctx context.Context, i int, visit func(id string, entry []byte) error) (string, error) {
	ids := sha256.New()
	err := readList(s.Files[i], func(r io.Reader) error {
		in, err := newScanner(r, kinds[i])
		if err != nil {
			return err
		}
		for {
			if err := ctx.Err(); err != nil {
				return err
			}
			entry, id, err := in.next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			_, _ = io.WriteString(ids, id) // a hash takes everything
			if err := visit(id, entry); err != nil {
				return err
			}
		}
	})
	return hex.EncodeToString(ids.Sum(nil)), err
}

// Packages reads primary. A package is given out before the list is read to its end:
// only when no error came was its checksum right too. An error ends the sequence.
func (s *Set) Packages(ctx context.Context) iter.Seq2[Package, error] {
	return func(yield func(Package, error) bool) {
		err, stopped := s.check(), false
		if err == nil {
			_, err = s.walk(ctx, 0, func(id string, entry []byte) error {
				p, err := parsePackage(id, entry)
				if err == nil && !yield(p, nil) {
					stopped = true
					return errStop
				}
				return err
			})
		}
		if err != nil && !stopped {
			yield(Package{}, coded(fmt.Errorf("read repository metadata: %w", err)))
		}
	}
}

// parsePackage reads one package of primary.
func parsePackage(id string, entry []byte) (Package, error) {
	var e struct {
		XMLName xml.Name `xml:"package"`
		Name    string   `xml:"name"`
		Arch    string   `xml:"arch"`
		Version struct {
			Epoch int    `xml:"epoch,attr"`
			Ver   string `xml:"ver,attr"`
			Rel   string `xml:"rel,attr"`
		} `xml:"version"`
		Checksum string `xml:"checksum"`
		Size     struct {
			Package int64 `xml:"package,attr"`
		} `xml:"size"`
		Location struct {
			Base string `xml:"base,attr"`
			Href string `xml:"href,attr"`
		} `xml:"location"`
	}
	if err := xml.Unmarshal(entry, &e); err != nil {
		return Package{}, malformed("primary", "package %s: %w", id, err)
	}
	p := Package{
		ID:     nevra.ID{Name: e.Name, Epoch: e.Version.Epoch, Version: e.Version.Ver, Release: e.Version.Rel, Arch: e.Arch},
		SHA256: id, Size: e.Size.Package, Place: Place{e.Location.Base, e.Location.Href},
	}
	err := p.Place.check()
	if err == nil && (p.Name == "" || p.Epoch < 0 || p.Version == "" || p.Release == "" || p.Arch == "" || e.Checksum != id || p.Size <= 0) {
		err = errors.New("it does not say what it is")
	}
	if err != nil {
		return Package{}, malformed("primary", "package %s: %w", id, err)
	}
	return p, nil
}

// Check reads all of the lists: checksums, form, and that each has the same packages.
func (s *Set) Check(ctx context.Context) error {
	if err := s.checkLists(ctx); err != nil {
		return coded(fmt.Errorf("check repository metadata: %w", err))
	}
	return nil
}

func (s *Set) checkLists(ctx context.Context) error {
	if err := s.check(); err != nil {
		return err
	}
	first := ""
	for i := range kinds {
		ids, err := s.walk(ctx, i, func(id string, entry []byte) error {
			if i == 0 {
				_, err := parsePackage(id, entry)
				return err
			}
			var whole struct{}
			if err := xml.Unmarshal(entry, &whole); err != nil {
				return malformed(kinds[i].name, "package %s: %w", id, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if i == 0 {
			first = ids
		}
		if ids != first {
			return malformed(kinds[i].name, "it lists other packages than %s does", kinds[0].name)
		}
	}
	return nil
}
