package rpmfile

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// types are the tags that every user of a header reads.
var types = Types{
	String: []Tag{TagName, TagVersion, TagRelease, TagArch},
	Strings: []Tag{
		TagOldFileNames, TagBaseNames, TagDirNames, TagFileDigests, TagFileLinkTos, TagFileUserName, TagFileGroupName, TagFileLangs, TagFileCaps,
	},
	Ints: []Tag{
		TagEpoch, TagDirIndexes, TagFileSizes, TagLongFileSizes, TagFileModes, TagFileRdevs, TagFileMTimes, TagFileFlags, TagFileVerifyFlags,
		TagFileDevices, TagFileInodes, TagFileDigestAlgo,
	},
}

// check sets the package's names, and refuses tags of a wrong type and lists of files that do not fit together.
func (h *Header) check() error {
	if err := h.Main.CheckTypes(types); err != nil {
		return err
	}
	if err := h.checkNames(); err != nil {
		return err
	}
	return h.checkFiles()
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
			return fmt.Errorf("%.80q is no %s", *f.to, f.what)
		}
	}
	if strings.HasPrefix(h.Name, ".") || strings.HasPrefix(h.Name, "-") {
		return fmt.Errorf("%.80q is no name", h.Name)
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

func (h *Header) checkFiles() error {
	names := TagBaseNames
	if !h.Main.Has(TagBaseNames) {
		names = TagOldFileNames
	}
	err := h.Main.CheckLengths(names, TagFileSizes, TagLongFileSizes, TagFileModes, TagFileRdevs, TagFileMTimes, TagFileDigests,
		TagFileLinkTos, TagFileFlags, TagFileVerifyFlags, TagFileUserName, TagFileGroupName, TagFileDevices, TagFileInodes, TagFileLangs, TagFileCaps)
	if err != nil {
		return err
	}
	for _, size := range h.Main.Ints(TagLongFileSizes) {
		if size > math.MaxInt64 {
			return fmt.Errorf("a file of %d bytes", size)
		}
	}
	if names == TagBaseNames {
		return h.checkSplitNames()
	}
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
	if err := h.Main.CheckLengths(TagBaseNames, TagDirIndexes); err != nil {
		return err
	}
	dirs, indexes := h.Main.Strings(TagDirNames), h.Main.Ints(TagDirIndexes)
	total := 0
	for i, base := range h.Main.Strings(TagBaseNames) {
		if indexes[i] >= uint64(len(dirs)) {
			return fmt.Errorf("file %.80q is in folder %d of %d", base, indexes[i], len(dirs))
		}
		dir := dirs[indexes[i]]
		if strings.Contains(base, "/") || len(dir)+len(base) > MaxPath {
			return fmt.Errorf("%.80q is no file name", base)
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
		return fmt.Errorf("%.80q is not an absolute path", p)
	}
	if strings.Contains("/"+p+"/", "/../") {
		return fmt.Errorf("%.80q has a .. in it", p)
	}
	return nil
}
