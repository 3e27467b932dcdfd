package release

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"onerpm/bundler/internal/notes"
)

var platformGrammar = regexp.MustCompile(`^[a-z]+[0-9]+\.[a-z0-9_]+$`)

var statuses = []string{"supported", "ended", "planned"}

// The limits of configuration files.
const (
	maxConfigBytes = 1 << 20
	maxConfigFiles = 2000
)

// releases reads every versions/<version>.yaml, in the order of their names, and
// finds what does not belong into the folder.
func (r *reader) releases() {
	entries, err := os.ReadDir(filepath.Join(r.root, "versions"))
	if err != nil {
		r.wrong("versions", "cannot be read: "+reason(err), "")
		return
	}
	for _, e := range entries {
		name := "versions/" + e.Name()
		if version, isYAML := strings.CutSuffix(e.Name(), ".yaml"); isYAML && name != productFile && name != baseFile && !Note(e) {
			if rel, page := r.release(version); rel != nil {
				r.cat.Releases = append(r.cat.Releases, rel)
				r.pages[version] = page
			}
		}
	}
	r.unreadVersions()
}

// isFolder reports whether a path below the root leads to a folder.
func (r *reader) isFolder(name string) bool {
	info, err := os.Stat(filepath.Join(r.root, name))
	return err == nil && info.IsDir()
}

// release reads one release; nil when it has no file.
func (r *reader) release(version string) (*Release, *page) {
	file := "versions/" + version + ".yaml"
	rel := new(Release)
	p := r.decode(file, rel)
	if p == nil {
		r.wrong(file, "there is no such file", "")
		return nil, nil
	}
	if p.need(rel.Version, versionAllowed, "version") && p.match(versionGrammar, rel.Version, versionAllowed, "version") && rel.Version != version {
		p.wrong(fmt.Sprintf("version %s stands in the file of %s", rel.Version, version), "the file is named after the version", "version")
	}
	rel.Version = version
	const date = "the day of the release as YYYY-MM-DD"
	if p.need(rel.Date, date, "date") {
		day, err := time.Parse(time.DateOnly, rel.Date)
		switch {
		case err != nil:
			p.wrong(fmt.Sprintf("%q is no date", rel.Date), date, "date")
		case day.Unix() < 0 || day.Unix() > math.MaxUint32:
			p.wrong(fmt.Sprintf("%s cannot be a build time", rel.Date), "from 1970-01-01 to 2106-02-07: rpm keeps seconds since 1970 in 32 bits", "date")
		}
	}
	if p.need(rel.Status, "allowed: "+strings.Join(statuses, ", "), "status") {
		p.oneOf(statuses, rel.Status, "status")
	}
	if len(rel.Platforms) == 0 {
		p.missing("what it runs on, e.g. el7.x86_64", "platforms")
	}
	for i, platform := range rel.Platforms {
		p.match(platformGrammar, platform, "e.g. el7.x86_64", "platforms", i)
	}
	p.sourceKind(rel.Source, "source")
	r.key(p, rel)
	r.notes(p, rel)
	r.components(p, rel)
	r.configFiles(rel)
	return rel, p
}

func (r *reader) key(p *page, rel *Release) {
	if rel.Key == "" || r.lost || !p.match(fingerprintGrammar, rel.Key, fingerprintAllowed, "key") {
		return
	}
	known := slices.ContainsFunc(r.cat.Product.Keys, func(k string) bool { return strings.EqualFold(k, rel.Key) })
	switch {
	case !known:
		p.wrong("the key is not among the keys of "+productFile, "", "key")
	case r.cat.Product.Keyring == "":
		p.wrong("the release names a key, but "+productFile+" has no keyring", "", "key")
	}
}

// notes reads the file that tells customers what is new.
func (r *reader) notes(p *page, rel *Release) {
	if rel.Notes == "" {
		return
	}
	file := r.inFolder(p, "versions", rel.Notes, false, "notes")
	if file == "" {
		return
	}
	text, err := readBounded(filepath.Join(r.root, file), 2*notes.MaxBytes)
	if err != nil {
		r.wrong(file, "cannot be read: "+reason(err), "")
		return
	}
	if rel.NotesText, err = notes.Read(text); err != nil {
		r.wrong(file, "cannot be shown to customers: "+err.Error(), "Markdown in UTF-8 without control characters")
	}
}

// configFiles finds versions/<version>/config/<path on the host>.
func (r *reader) configFiles(rel *Release) {
	folder := "versions/" + rel.Version
	entries, err := os.ReadDir(filepath.Join(r.root, folder))
	if err != nil {
		return // most releases have no folder, and one that is a file is found elsewhere
	}
	for _, e := range entries {
		if !Note(e) && (e.Name() != "config" || !e.IsDir()) {
			r.wrong(folder+"/"+e.Name(), "is not read", "the folder holds config/ alone: move it there, or remove it")
		}
	}
	top := filepath.Join(r.root, folder, "config")
	err = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel.ConfigFiles = append(rel.ConfigFiles, r.configFile(folder, top, path, d))
		if len(rel.ConfigFiles) > maxConfigFiles {
			return fmt.Errorf("more than %d files", maxConfigFiles)
		}
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		r.wrong(folder+"/config", reason(err), "")
	}
	slices.SortFunc(rel.ConfigFiles, func(a, b ConfigFile) int { return strings.Compare(a.Target, b.Target) })
}

func (r *reader) configFile(folder, top, path string, d fs.DirEntry) ConfigFile {
	name, _ := filepath.Rel(top, path) // both are below the root
	file := ConfigFile{Target: "/" + filepath.ToSlash(name), Path: path}
	shown := folder + "/config" + file.Target
	if !d.Type().IsRegular() {
		r.wrong(shown, "is no regular file", "copy what it leads to")
		return file
	}
	data, err := readBounded(path, maxConfigBytes)
	if err != nil {
		r.wrong(shown, "cannot be read: "+reason(err), "")
		return file
	}
	if len(data) > maxConfigBytes {
		r.wrong(shown, "is too large", fmt.Sprintf("at most %d bytes", maxConfigBytes))
	}
	if strings.ContainsFunc(file.Target, func(c rune) bool { return c < 0x20 || c == 0x7f || c == 0xfffd }) {
		r.wrong(shown, "the name has control characters or is not UTF-8", "")
	}
	if own := r.cat.Product.OwnPlace(file.Target); own != "" {
		r.wrong(shown, "is in a place of the upgrade's own, "+own, "configuration is the product's files alone")
	}
	if leftover(d.Name()) {
		r.wrong(shown, "an editor or a merge left it there, and it would become a file of every host", "remove it")
	}
	sum := sha256.Sum256(data)
	file.SHA256, file.Size = hex.EncodeToString(sum[:]), int64(len(data))
	return file
}
