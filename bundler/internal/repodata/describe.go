package repodata

import (
	"slices"
	"strconv"
	"strings"

	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/rpmfile"
)

// Tags that only a repository's metadata asks for (rpmtag.h).
const (
	tagChangelogTime rpmfile.Tag = 1080
	tagChangelogName rpmfile.Tag = 1081
	tagChangelogText rpmfile.Tag = 1082
)

func number[T int | int64 | uint64](n T) string { return strconv.FormatInt(int64(n), 10) }

func arch(h *rpmpkg.Package) string {
	if h.Source {
		return "src"
	}
	return h.Arch
}

func version(w *writer, h *rpmpkg.Package) {
	w.empty(1, "version", "epoch", number(h.Epoch), "ver", h.Version, "rel", h.Release)
}

// primary writes what dnf needs to choose and resolve.
func primary(w *writer, h *rpmpkg.Package, f FileFacts, at Place) {
	w.open(0, "package", "type", "rpm")
	w.text(1, "name", h.Name)
	w.text(1, "arch", arch(h))
	version(w, h)
	w.text(1, "checksum", f.SHA256, "type", "sha256", "pkgid", "YES")
	w.text(1, "summary", h.Text(rpmpkg.TagSummary))
	w.text(1, "description", h.Text(rpmpkg.TagDescription))
	w.text(1, "packager", h.Lib.Packager())
	w.text(1, "url", h.Lib.URL())
	w.empty(1, "time", "file", number(f.Time), "build", number(h.Lib.BuildTime().Unix()))
	w.empty(1, "size", "package", number(f.Size), "installed", number(h.InstalledSize()), "archive", number(h.Lib.ArchiveSize()))
	if at.Base == "" {
		w.empty(1, "location", "href", at.Href)
	} else {
		w.empty(1, "location", "xml:base", at.Base, "href", at.Href)
	}
	w.open(1, "format")
	w.text(2, "rpm:license", h.Lib.License())
	w.text(2, "rpm:vendor", h.Lib.Vendor())
	w.text(2, "rpm:group", h.Text(rpmpkg.TagGroup))
	w.text(2, "rpm:buildhost", h.Lib.BuildHost())
	w.text(2, "rpm:sourcerpm", h.Lib.SourceRPM())
	w.empty(2, "rpm:header-range", "start", number(h.PayloadOffset-int64(len(h.Main.Raw()))), "end", number(h.PayloadOffset))
	dependencies(w, h)
	files(w, 2, h, isPrimary)
	w.close(1, "format")
	w.close(0, "package")
}

// isPrimary is the rule of createrepo for paths that can be required without filelists.
func isPrimary(path string) bool {
	return strings.HasPrefix(path, "/etc/") || path == "/usr/lib/sendmail" || strings.Contains(path, "bin/")
}

func files(w *writer, level int, h *rpmpkg.Package, want func(path string) bool) {
	for _, f := range h.Files() {
		switch {
		case !want(f.Path):
		case f.IsDir():
			w.text(level, "file", f.Path, "type", "dir")
		case f.IsGhost():
			w.text(level, "file", f.Path, "type", "ghost")
		default:
			w.text(level, "file", f.Path)
		}
	}
}

// begin opens an entry of filelists and other.
func begin(w *writer, h *rpmpkg.Package, f FileFacts) {
	w.open(0, "package", "pkgid", f.SHA256, "name", h.Name, "arch", arch(h))
	version(w, h)
}

// filelists writes all paths.
func filelists(w *writer, h *rpmpkg.Package, f FileFacts) {
	begin(w, h, f)
	files(w, 1, h, func(string) bool { return true })
	w.close(0, "package")
}

// other writes the newest entries of the changelog.
func other(w *writer, h *rpmpkg.Package, f FileFacts) {
	begin(w, h, f)
	for _, c := range changelog(h) {
		w.text(1, "changelog", c.text, "author", c.author, "date", number(c.date))
	}
	w.close(0, "package")
}

type change struct {
	author, text string
	date         int64 // seconds since 1970
}

// changelog returns the newest entries, the oldest of them first. Entries of one
// time differ by a second, as createrepo_c does: readers sort by it.
func changelog(h *rpmpkg.Package) []change {
	times, names, texts := h.Ints(tagChangelogTime), h.Strings(tagChangelogName), h.Strings(tagChangelogText)
	list := make([]change, min(len(times), len(names), len(texts), changelogs)) // newest first, as the header has them
	last := int64(0)
	for i := range list {
		at := times[i]
		list[i] = change{author: trimAuthor(names[i]), text: texts[i], date: at}
		if at != last {
			last = at
			continue
		}
		for j := i - 1; j >= 0 && list[j].date == at; j-- {
			list[j].date++
			at++
		}
	}
	slices.Reverse(list)
	return list
}

// trimAuthor cuts blanks off the end, but for a first character that is one.
func trimAuthor(s string) string {
	if s == "" {
		return s
	}
	return s[:1] + strings.TrimRight(s[1:], " ")
}
