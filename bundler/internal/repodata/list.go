package repodata

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// kind is one of the three lists.
type kind struct {
	name string // as repomd.xml calls it
	root string // its document element
	open string // what stands before the number of packages
	mark string // what stands before a package's SHA-256, at the beginning of a line
}

const xmlHeader = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// kinds are the lists, in the order that repomd.xml names them in. The layout is createrepo_c's.
var kinds = [3]kind{
	{
		name: "primary", root: "metadata", mark: `  <checksum type="sha256" pkgid="YES">`,
		open: xmlHeader + `<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="`,
	},
	{
		name: "filelists", root: "filelists", mark: `<package pkgid="`,
		open: xmlHeader + `<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="`,
	},
	{
		name: "other", root: "otherdata", mark: `<package pkgid="`,
		open: xmlHeader + `<otherdata xmlns="http://linux.duke.edu/metadata/other" packages="`,
	},
}

func (k kind) header(packages int) string { return k.open + strconv.Itoa(packages) + "\">\n" }
func (k kind) footer() string             { return "</" + k.root + ">\n" }

// FormatError says that metadata is not as this package writes it, or damaged.
type FormatError struct {
	What string // the file, e.g. "primary"
	Err  error
}

// Error says what is wrong with which file.
func (e *FormatError) Error() string { return "repository metadata: " + e.What + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *FormatError) Unwrap() error { return e.Err }

func malformed(what, format string, args ...any) error {
	return &FormatError{what, fmt.Errorf(format, args...)}
}

// scanner cuts a list into its packages. It reads lines and takes nothing for granted but
// that text never has a bare "<" in it, which XML promises.
type scanner struct {
	kind  kind
	count int // packages that the list says it has

	r    *bufio.Reader
	seen int
	last string // id of the package before
	buf  []byte
}

func newScanner(r io.Reader, k kind) (*scanner, error) {
	s := &scanner{kind: k, r: bufio.NewReaderSize(r, 64<<10)}
	var head []byte
	for range strings.Count(k.header(0), "\n") {
		line, err := s.line(head)
		if err != nil {
			return nil, err
		}
		head = line
	}
	text, found := strings.CutPrefix(string(head), k.open)
	digits, end := strings.CutSuffix(text, "\">\n")
	n, err := strconv.Atoi(digits)
	if !found || !end || err != nil || n < 0 || n > maxPackages || digits != strconv.Itoa(n) {
		return nil, malformed(k.name, "it does not begin like a list that was written here")
	}
	s.count = n
	return s, nil
}

// line appends the next line, its end included, to b.
func (s *scanner) line(b []byte) ([]byte, error) {
	for {
		part, err := s.r.ReadSlice('\n')
		if len(b)+len(part) > maxEntry {
			return nil, malformed(s.kind.name, "a package has more than %d bytes", maxEntry)
		}
		b = append(b, part...)
		switch {
		case err == nil:
			return b, nil
		case errors.Is(err, io.EOF):
			return nil, malformed(s.kind.name, "after %d of its packages: %w", s.seen, io.ErrUnexpectedEOF)
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("read %s: %w", s.kind.name, err)
		}
	}
}

// next returns the next package and its SHA-256, and io.EOF behind the last one, once
// the list was found to end as it must. The bytes are good until the next call.
func (s *scanner) next() (entry []byte, id string, err error) {
	if s.buf, err = s.line(s.buf[:0]); err != nil {
		return nil, "", err
	}
	if string(s.buf) == s.kind.footer() {
		return nil, "", s.end()
	}
	if !bytes.HasPrefix(s.buf, []byte("<package ")) {
		return nil, "", malformed(s.kind.name, "%.80q where a package should begin", s.buf)
	}
	for begin := 0; ; {
		line := s.buf[begin:]
		if rest, ok := bytes.CutPrefix(line, []byte(s.kind.mark)); ok && id == "" && len(rest) > 64 && isSHA256(rest[:64]) {
			id = string(rest[:64])
		}
		if string(line) == "</package>\n" {
			break
		}
		begin = len(s.buf)
		if s.buf, err = s.line(s.buf); err != nil {
			return nil, "", err
		}
	}
	switch s.seen++; {
	case id == "":
		return nil, "", malformed(s.kind.name, "package %d has no SHA-256", s.seen)
	case id <= s.last:
		return nil, "", malformed(s.kind.name, "package %s stands behind %s", id, s.last)
	case s.seen > s.count:
		return nil, "", malformed(s.kind.name, "it has more than the %d packages it tells", s.count)
	}
	s.last = id
	return s.buf, id, nil
}

func (s *scanner) end() error {
	if _, err := s.r.ReadByte(); !errors.Is(err, io.EOF) {
		if err != nil {
			return err
		}
		return malformed(s.kind.name, "something stands behind its end")
	}
	if s.seen != s.count {
		return malformed(s.kind.name, "it has %d packages and tells %d", s.seen, s.count)
	}
	return io.EOF
}
