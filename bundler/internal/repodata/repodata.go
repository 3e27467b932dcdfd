// Package repodata writes and reads the metadata of a yum repository: repomd.xml
// and the three lists it names, primary, filelists and other.
//
// An entry says of one RPM what createrepo_c would say of the same file, field by
// field; a test compares the two. Lists are kept in the order of the packages' SHA-256, so the same packages
// give the same bytes in whatever order they were published. One more package, or one less, is spliced into the
// previous generation's lists as they stream by: no other RPM is read, and memory does not grow with their number.
//
// The previous lists are foreign bytes. Where their size, checksum, layout or order is not what Write
// and their repomd.xml say, there is a *FormatError and no new generation. What stands inside a package's
// entry is copied as it is; Check reads that too. Whether repomd.xml itself is the right one is for the
// caller to know, who has its digest or its signature. Repositories that others made are read by package fetch, which
// takes any layout, compression and checksum that there is; here what differs is damage.
package repodata

import (
	"fmt"
	"net/url"
	"strings"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/rpmpkg"
)

// Bounds of what is written and read, in bytes.
const (
	MaxRepomd = 1 << 20  // of repomd.xml
	maxEntry  = 64 << 20 // of one package in one list
	maxList   = 4 << 30  // of one list, uncompressed
)

const (
	maxPackages = 10_000_000 // that a list may say it has
	maxRevision = 1 << 40    // seconds since 1970
)

// changelogs is how many of the newest changelog entries are listed, as createrepo_c does.
const changelogs = 10

// FileFacts are what only the RPM's file itself can tell.
type FileFacts struct {
	SHA256 string // of the whole file, lower case hexadecimal
	Size   int64  // bytes
	Time   int64  // of its last change, in seconds since 1970; any fixed time does
}

// Place is where clients get a package.
//
// Without a Base, Href is relative to the folder that has repodata/ in it. A way up
// ("../") is refused: yum on EL7 joins the two as text, and its libcurl 7.29 removes no dot segments, so
// that S3 would be asked for a key with dots in it, which no object has.
type Place struct {
	Base string // an absolute URL without a slash at its end: yum adds one; "" for none
	Href string // relative, already escaped as a URL needs it
}

func (p Place) check() error {
	if p.Base != "" {
		u, err := url.Parse(p.Base)
		if err != nil {
			return fmt.Errorf("base: %w", err)
		}
		if !u.IsAbs() || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(p.Base, "/") {
			return fmt.Errorf("base: %q is no absolute URL that ends without a slash", p.Base)
		}
	}
	if p.Href == "" || strings.HasPrefix(p.Href, "/") || strings.Contains(p.Href, ":") {
		return fmt.Errorf("href: %q is not relative", p.Href)
	}
	for part := range strings.SplitSeq(p.Href, "/") {
		if part == "" || part == "." || part == ".." {
			return fmt.Errorf("href: %q has an empty part or dots in it", p.Href)
		}
	}
	return nil
}

// Entry is one package as the three lists have it.
type Entry struct {
	NEVRA  string
	SHA256 string // of the file: what the lists know the package by

	lists [len(kinds)][]byte
}

// Describe makes the entry of the package whose header is h.
func Describe(h *rpmpkg.Package, f FileFacts, at Place) (Entry, error) {
	e := Entry{NEVRA: h.NEVRA(), SHA256: f.SHA256}
	if err := describe(&e, h, f, at); err != nil {
		return Entry{}, exit.With(exit.BadBundle, fmt.Errorf("describe %s for a repository: %w", e.NEVRA, err), "")
	}
	return e, nil
}

func describe(e *Entry, h *rpmpkg.Package, f FileFacts, at Place) error {
	if !isSHA256(f.SHA256) {
		return fmt.Errorf("%q is no SHA-256", f.SHA256)
	}
	if f.Size < h.PayloadOffset {
		return fmt.Errorf("a file of %d bytes cannot have a header of %d", f.Size, h.PayloadOffset)
	}
	if err := at.check(); err != nil {
		return err
	}
	for i, write := range [len(kinds)]func(*writer){
		func(w *writer) { primary(w, h, f, at) },
		func(w *writer) { filelists(w, h, f) },
		func(w *writer) { other(w, h, f) },
	} {
		var w writer
		write(&w)
		if w.err == nil && len(w.b) > maxEntry {
			w.err = fmt.Errorf("more than %d bytes", maxEntry)
		}
		if w.err != nil {
			return fmt.Errorf("%s: %w", kinds[i].name, w.err)
		}
		e.lists[i] = w.b
	}
	return nil
}

// isSHA256 reports whether s is one, in lower case hexadecimal.
func isSHA256[T string | []byte](s T) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) == 64
}
