package fetch

import (
	"bufio"
	"compress/gzip"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"

	"onerpm/internal/nevra"
)

// metadataError says that a repository's own files are wrong.
type metadataError struct{ err error }

func (e *metadataError) Error() string { return "repository metadata: " + e.err.Error() }
func (e *metadataError) Unwrap() error { return e.err }

func metadataErrorf(format string, args ...any) error {
	return &metadataError{fmt.Errorf(format, args...)}
}

// repodata is what repomd.xml says of the primary list.
type repodata struct {
	href    string
	size    int64     // bytes as it lies there, -1 when it is not told
	sum     *checksum // of the file as it lies there
	openSum *checksum // of what is in it; nil when it is not told
}

// parseRepomd finds the primary list in repomd.xml.
func parseRepomd(r io.Reader) (repodata, error) {
	type digest struct {
		Type  string `xml:"type,attr"`
		Value string `xml:",chardata"`
	}
	var doc struct {
		XMLName xml.Name
		Data    []struct {
			Type     string  `xml:"type,attr"`
			Checksum digest  `xml:"checksum"`
			Open     *digest `xml:"open-checksum"`
			Size     *int64  `xml:"size"`
			Location struct {
				Href string `xml:"href,attr"`
			} `xml:"location"`
		} `xml:"data"`
	}
	if err := xml.NewDecoder(r).Decode(&doc); err != nil {
		return repodata{}, &metadataError{err}
	}
	if doc.XMLName.Local != "repomd" {
		return repodata{}, metadataErrorf("this is <%s>, not <repomd>", doc.XMLName.Local)
	}
	for _, d := range doc.Data {
		if d.Type != "primary" {
			continue
		}
		out := repodata{href: d.Location.Href, size: -1}
		if !relative(out.href) {
			return out, metadataErrorf("primary: %q is no place in the repository", out.href)
		}
		if d.Size != nil && *d.Size > 0 && *d.Size <= maxPrimary {
			out.size = *d.Size
		}
		var err error
		if out.sum, err = parseChecksum(d.Checksum.Type, d.Checksum.Value); err != nil {
			return out, metadataErrorf("primary: %w", err)
		}
		if d.Open != nil {
			if out.openSum, err = parseChecksum(d.Open.Type, d.Open.Value); err != nil {
				return out, metadataErrorf("primary: %w", err)
			}
		}
		return out, nil
	}
	return repodata{}, metadataErrorf("repomd.xml lists no primary")
}

// relative reports whether an href stays under its base.
func relative(href string) bool {
	clean := path.Clean(href)
	return href != "" && !strings.Contains(href, "://") && clean != ".." && !strings.HasPrefix(clean, "../") && !strings.HasPrefix(clean, "/")
}

// primaryPackage is an entry of the primary list.
type primaryPackage struct {
	href, base string
	sum        *checksum
}

// readPrimary reads the primary list to its end and returns the wanted packages,
// by identity, once both checksums proved right.
func readPrimary(r io.Reader, list repodata, wanted map[nevra.ID]bool) (map[nevra.ID][]primaryPackage, error) {
	outer := newSummed(r, list.sum)
	plain, err := uncompress(outer, list.href)
	if err != nil {
		return nil, err
	}
	defer func() { _ = plain.Close() }() // frees memory, no more
	inner := newSummed(io.LimitReader(plain, maxPrimary), list.openSum)
	found, err := parsePrimary(inner, wanted)
	// The rest is read whatever happened: a wrong checksum explains everything else that is wrong.
	if _, rest := io.Copy(io.Discard, inner); err == nil && rest != nil {
		err = &metadataError{rest}
	}
	if _, rest := io.Copy(io.Discard, outer); err == nil && rest != nil {
		err = rest
	}
	if wrong := errors.Join(outer.check("primary"), inner.check("primary, uncompressed")); wrong != nil {
		return nil, wrong
	}
	return found, err
}

// uncompress reads by the ending of a file's name.
func uncompress(r io.Reader, name string) (io.ReadCloser, error) {
	switch path.Ext(name) {
	case ".gz":
		z, err := gzip.NewReader(bufio.NewReader(r))
		if err != nil {
			return nil, &metadataError{err}
		}
		return z, nil
	case ".zst":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(32<<20))
		if err != nil {
			return nil, &metadataError{err}
		}
		return z.IOReadCloser(), nil
	case ".xml":
		return io.NopCloser(r), nil
	}
	return nil, metadataErrorf("%s is compressed in a way that is not read here; createrepo_c --general-compress-type gz makes one that is", name)
}

// parsePrimary picks the wanted packages out of primary.xml. Memory is bounded by
// maxPackage, whatever the size of the list.
func parsePrimary(r io.Reader, wanted map[nevra.ID]bool) (map[nevra.ID][]primaryPackage, error) {
	limit := &allowance{r: r}
	d := xml.NewDecoder(limit)
	found := map[nevra.ID][]primaryPackage{}
	for {
		limit.left = maxPackage
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, &metadataError{err}
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local == "metadata" {
			continue
		}
		if start.Name.Local != "package" {
			return nil, metadataErrorf("<%s> in the list of packages", start.Name.Local)
		}
		id, p, err := parsePackage(d, start)
		if err != nil {
			return nil, err
		}
		if wanted[id] {
			found[id] = append(found[id], p)
		}
	}
}

// parsePackage reads one <package>, without its <format>.
func parsePackage(d *xml.Decoder, start xml.StartElement) (nevra.ID, primaryPackage, error) {
	var e struct {
		Name    string `xml:"name"`
		Arch    string `xml:"arch"`
		Version struct {
			Epoch string `xml:"epoch,attr"`
			Ver   string `xml:"ver,attr"`
			Rel   string `xml:"rel,attr"`
		} `xml:"version"`
		Checksum struct {
			Type  string `xml:"type,attr"`
			Value string `xml:",chardata"`
		} `xml:"checksum"`
		Location struct {
			Href string `xml:"href,attr"`
			Base string `xml:"base,attr"`
		} `xml:"location"`
	}
	if err := d.DecodeElement(&e, &start); err != nil {
		return nevra.ID{}, primaryPackage{}, &metadataError{err}
	}
	id := nevra.ID{Name: e.Name, Version: e.Version.Ver, Release: e.Version.Rel, Arch: e.Arch}
	if e.Version.Epoch != "" {
		n, err := strconv.ParseUint(e.Version.Epoch, 10, 31)
		if err != nil {
			return nevra.ID{}, primaryPackage{}, metadataErrorf("%s: epoch %q", e.Name, e.Version.Epoch)
		}
		id.Epoch = int(n)
	}
	sum, err := parseChecksum(e.Checksum.Type, e.Checksum.Value)
	if err != nil {
		return nevra.ID{}, primaryPackage{}, metadataErrorf("%s: %w", e.Name, err)
	}
	if e.Location.Href == "" {
		return nevra.ID{}, primaryPackage{}, metadataErrorf("%s has no location", e.Name)
	}
	return id, primaryPackage{href: e.Location.Href, base: e.Location.Base, sum: sum}, nil
}

// allowance is a reader that gives left bytes at most until it is topped up.
type allowance struct {
	r    io.Reader
	left int
}

// Read reads from r.
func (a *allowance) Read(p []byte) (int, error) {
	if a.left <= 0 {
		return 0, fmt.Errorf("one entry has more than %d bytes", maxPackage)
	}
	n, err := a.r.Read(p[:min(len(p), a.left)])
	a.left -= n
	return n, err
}

// summed computes a checksum of what is read through it.
type summed struct {
	io.Reader
	want *checksum // nil: nothing is compared
	hash hash.Hash
}

func newSummed(r io.Reader, want *checksum) *summed {
	if want == nil {
		return &summed{Reader: r}
	}
	h := want.algo.New()
	return &summed{io.TeeReader(r, h), want, h}
}

func (s *summed) check(what string) error {
	if s.want == nil {
		return nil
	}
	if got := hex.EncodeToString(s.hash.Sum(nil)); got != s.want.hex {
		return &MismatchError{What: what + " " + s.want.algo.String(), Got: got, Want: s.want.hex, By: "its repomd.xml"}
	}
	return nil
}
