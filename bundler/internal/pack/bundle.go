package pack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"time"

	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
	"onerpm/payload-scripts/scriptlets"
)

// Bundle is everything a bundle is made of.
type Bundle struct {
	Manifest *manifest.Manifest
	Files    []File // those that the manifest lists, in its order
	Arch     string // as rpm writes it
	Vendor   string
	License  string
	URL      string
	Notes    string // what is new in the release, in Markdown; "" for none

	Platforms []string // of both releases, e.g. el7.x86_64: their rpm must be able to read it
}

// wrapperTime is the time of /usr/bin/<p>, which all bundles of a product share, so it cannot be the bundle's own.
var wrapperTime = time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC)

// Name returns the package's name, <p>-<to>: the target is in it, so that bundles never update one another.
func (b Bundle) Name() string { return b.Manifest.Prefix + "-" + b.Manifest.To }

// FileName returns the short name of the bundle's file.
func (b Bundle) FileName() string { return b.Name() + ".rpm" }

// ID returns the bundle's identity as a package.
func (b Bundle) ID() nevra.ID {
	return nevra.ID{Name: b.Name(), Version: b.Manifest.To, Release: strconv.Itoa(b.Manifest.Revision), Arch: b.Arch}
}

// Time returns the bundle's build time, which is that of everything in it.
func (b Bundle) Time() (time.Time, error) { return time.Parse(time.RFC3339, b.Manifest.Date) }

// Size returns the bytes of the files that are read to write the bundle: what progress comes to in the end.
func (b Bundle) Size() int64 {
	var n int64
	for _, f := range b.Files {
		n += f.Size
	}
	return n
}

// Write writes the bundle to f, signed unless signer is nil. progress is called with
// the bytes read since it was last called. Errors have exit codes: exit.TooLarge, before
// anything is written, for what an rpm cannot hold; exit.Mismatch for a file that is not what the manifest
// says; exit.Missing for one that cannot be read; exit.Output for f. After an error f is worth nothing.
func (b Bundle) Write(ctx context.Context, f *os.File, signer Signer, progress func(bytes int64)) error {
	at, err := b.Time()
	if err != nil {
		return fmt.Errorf("the manifest's date: %w", err)
	}
	entries, err := b.entries(at)
	if err != nil {
		return err
	}
	if err := checkSize(b.Name(), b.Platforms, entries); err != nil {
		return err
	}
	texts, err := scriptlets.Render(b.Manifest, b.requiredSpace())
	if err != nil {
		return err
	}
	meta := Meta{
		Name: b.Name(), Version: b.Manifest.To, Release: strconv.Itoa(b.Manifest.Revision), Arch: b.Arch,
		Summary: b.summary(), Description: b.description(), License: b.License, Vendor: b.Vendor, URL: b.URL,
		Group: "System Environment/Base", Time: at, Change: b.summary(), Notes: b.Notes,
		Large:   isLarge(entries),
		Scripts: Scripts{Pre: texts.Pre, Post: texts.Post, Postun: texts.Postun, Posttrans: texts.Posttrans},
	}
	return write(ctx, f, meta, entries, signer, progress)
}

// entries lays the bundle out as it stands on the host.
func (b Bundle) entries(at time.Time) ([]entry, error) {
	text, err := manifest.Encode(b.Manifest)
	if err != nil {
		return nil, err
	}
	root := "/opt/" + b.Manifest.Prefix
	dir := root + "/" + b.Manifest.To + "/"
	files := []entry{{path: dir + manifest.Name, mtime: at, File: bytesFile(manifest.Name, text, 0o644)}}
	for i, f := range b.Files {
		if i >= len(b.Manifest.Files) || f.File != b.Manifest.Files[i] {
			return nil, fmt.Errorf("pack %s: it is not the file that the manifest lists", f.Path)
		}
		files = append(files, entry{path: dir + f.Path, mtime: at, File: f})
	}
	wrapper, err := scriptlets.Wrapper(b.Manifest.Prefix)
	if err != nil {
		return nil, err
	}
	command := "/usr/bin/" + b.Manifest.Prefix
	all := append(folders(root, files, at), files...)
	all = append(all, entry{path: command, mtime: wrapperTime, File: bytesFile(command, wrapper, 0o755)})
	for _, made := range scriptlets.Made(b.Manifest.Prefix) {
		e := entry{path: made, ghost: true, mtime: wrapperTime}
		e.Mode = 0o644
		all = append(all, e)
	}
	return sorted(all), nil
}

// bytesFile makes a File of bytes.
func bytesFile(path string, content []byte, mode uint32) File {
	sum := sha256.Sum256(content)
	return File{
		File: manifest.File{Path: path, Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:]), Mode: mode},
		Body: content,
	}
}

// requiredSpace is the disk space that the gate demands. The engine's own check knows better, for
// it sees the host; this holds off a bundle that could not even be unpacked and installed.
func (b Bundle) requiredSpace() scriptlets.Space {
	const kib, spare = 1024, 64 << 10
	opt := b.Size() + b.Manifest.RebuiltSize()
	for _, p := range b.Manifest.New {
		if p.File != "" {
			opt += p.Installed
		}
	}
	return scriptlets.Space{Opt: opt/kib + spare, Var: spare}
}
