package rpmfile

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// check is what lets every method of Header do without errors: it sets the
// package's names, and refuses tags of a wrong type and lists that do not fit together.
func (h *Header) check() error {
	if err := checkKinds(h.Signature, sigKinds); err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	if err := checkKinds(h.Main, mainKinds); err != nil {
		return err
	}
	if err := h.checkNames(); err != nil {
		return err
	}
	for _, d := range []depTags{provides, requires, conflicts, obsoletes} {
		if err := h.checkLists(d.name, d.flags, d.version); err != nil {
			return err
		}
	}
	for _, t := range triggerTags {
		if err := h.checkTriggers(t); err != nil {
			return err
		}
	}
	for _, tag := range []Tag{TagSize, TagLongSize} {
		if v, _ := h.Main.Int(tag); v > math.MaxInt64 {
			return fmt.Errorf("tag %d: a size of %d", tag, v)
		}
	}
	return h.checkFiles()
}

func checkKinds(t *Tags, kinds map[Tag]kind) error {
	for _, tag := range t.List() {
		e := t.entries[tag]
		if k, ok := kinds[tag]; ok && !k.fits(e.typ, e.count) {
			return fmt.Errorf("tag %d: %d values of type %d, which it cannot have", tag, e.count, e.typ)
		}
	}
	return nil
}

func (h *Header) checkNames() error {
	for _, f := range []struct {
		tag  Tag
		what string
		to   *string
		bad  string // bytes that would make a NEVRA ambiguous, or a file name a path
	}{
		{TagName, "name", &h.Name, "/"},
		{TagVersion, "version", &h.Version, "-/:"},
		{TagRelease, "release", &h.Release, "-/:"},
		{TagArch, "arch", &h.Arch, "-./:"},
	} {
		*f.to = h.Main.String(f.tag)
		if *f.to == "" {
			return fmt.Errorf("the package has no %s", f.what)
		}
		if len(*f.to) > 255 || strings.ContainsAny(*f.to, f.bad) || strings.ContainsFunc(*f.to, unprintable) {
			return fmt.Errorf("%q is no %s", shorten(*f.to), f.what)
		}
	}
	if strings.HasPrefix(h.Name, ".") || strings.HasPrefix(h.Name, "-") {
		return fmt.Errorf("%q is no name", shorten(h.Name))
	}
	epoch, _ := h.Main.Int(TagEpoch)
	if epoch > math.MaxInt32 {
		return fmt.Errorf("an epoch of %d", epoch)
	}
	h.Epoch = int(epoch)
	return nil
}

// unprintable also refuses white space: none of it can stand in a name or version.
func unprintable(r rune) bool { return r <= ' ' || r == 0x7f }

// checkLists demands that the other lists are absent or as long as the first.
func (h *Header) checkLists(first Tag, others ...Tag) error {
	want := h.Main.entries[first].count
	for _, tag := range others {
		if e, ok := h.Main.entries[tag]; ok && e.count != want {
			return fmt.Errorf("tag %d has %d values where tag %d has %d", tag, e.count, first, want)
		}
	}
	return nil
}

func (h *Header) checkFiles() error {
	names := TagBaseNames
	if !h.Main.Has(TagBaseNames) {
		names = TagOldFileNames
	}
	err := h.checkLists(names, TagFileSizes, TagLongFileSizes, TagFileModes, TagFileRdevs, TagFileMTimes, TagFileDigests,
		TagFileLinkTos, TagFileFlags, TagFileVerifyFlags, TagFileUserName, TagFileGroupName, TagFileDevices, TagFileInodes, TagFileLangs, TagFileCaps)
	if err != nil {
		return err
	}
	for _, size := range h.Main.Ints(TagLongFileSizes) {
		if size > math.MaxInt64 {
			return fmt.Errorf("a file of %d bytes", size)
		}
	}
	if names == TagOldFileNames {
		return h.checkOldNames()
	}
	return h.checkSplitNames()
}

func (h *Header) checkOldNames() error {
	if h.Main.Has(TagDirIndexes) || h.Main.Has(TagDirNames) {
		return errors.New("folders are listed but no files")
	}
	for _, p := range h.Main.Strings(TagOldFileNames) {
		if err := h.checkPath(p); err != nil {
			return err
		}
	}
	return nil
}

// checkSplitNames bounds what the paths, put together, may take: a long folder
// name that many files share is small in the header and large in memory.
func (h *Header) checkSplitNames() error {
	if h.Main.Has(TagOldFileNames) {
		return errors.New("files are listed in both the old and the new way")
	}
	if !h.Main.Has(TagDirNames) || !h.Main.Has(TagDirIndexes) {
		return errors.New("files are listed but no folders")
	}
	if err := h.checkLists(TagBaseNames, TagDirIndexes); err != nil {
		return err
	}
	dirs, indexes := h.Main.Strings(TagDirNames), h.Main.Ints(TagDirIndexes)
	total := 0
	for i, base := range h.Main.Strings(TagBaseNames) {
		if indexes[i] >= uint64(len(dirs)) {
			return fmt.Errorf("file %q is in folder %d of %d", shorten(base), indexes[i], len(dirs))
		}
		dir := dirs[indexes[i]]
		if strings.Contains(base, "/") || len(dir)+len(base) > MaxPath {
			return fmt.Errorf("%q is no file name", shorten(base))
		}
		if total += len(dir) + len(base); total > MaxPathBytes {
			return fmt.Errorf("paths of more than %d bytes", MaxPathBytes)
		}
		if err := h.checkPath(dir + base); err != nil {
			return err
		}
	}
	return nil
}

// checkPath refuses what could lead out of the root that files are put under.
// Only a source package's files are relative.
func (h *Header) checkPath(p string) error {
	if len(p) > MaxPath || !h.Source && !strings.HasPrefix(p, "/") || p == "" {
		return fmt.Errorf("%q is not an absolute path", shorten(p))
	}
	if strings.Contains(p, "/../") || strings.HasSuffix(p, "/..") || strings.HasPrefix(p, "../") || p == ".." {
		return fmt.Errorf("%q has a .. in it", shorten(p))
	}
	return nil
}

func shorten(s string) string {
	if len(s) > 80 {
		return s[:80] + "..."
	}
	return s
}
