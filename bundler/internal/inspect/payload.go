package inspect

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/cpio"
	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
)

// found is a file or folder as it lies in the payload.
type found struct {
	mode   uint32
	size   int64
	sha256 string // "" for a folder
}

// payload is what a payload holds.
type payload struct {
	files    map[string]found // by absolute path
	manifest []byte           // the file of that name, nil when there is none
	shipped  shipped          // the files of the packages in it
	rebuilt  *rebuilding      // nil until the manifest was read
}

// readPayload reads an rpm to its end and takes the digest of every file in it.
func readPayload(r io.Reader) (payload, error) {
	h, err := rpmpkg.Read(r)
	if err != nil {
		return payload{}, err
	}
	return readFiles(h, r, false)
}

// readFiles reads the payload behind h to its end, or as far as the manifest.
func readFiles(h *rpmpkg.Package, r io.Reader, upToManifest bool) (payload, error) {
	if c := h.Lib.PayloadCompression(); c != "gzip" {
		return payload{}, fmt.Errorf("the payload is packed with %q, a bundle's with gzip", c)
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		return payload{}, fmt.Errorf("unpack the payload: %w", err)
	}
	p := payload{files: map[string]found{}, shipped: shipped{files: map[string][]rpmfile.FileInfo{}}}
	a := rpmpkg.NewArchive(h.Files(), z)
	for {
		m, err := a.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = p.add(a, m)
		}
		if err != nil || upToManifest && p.manifest != nil {
			return p, err
		}
	}
	// What follows the archive belongs to no file; reading it checks gzip's own sum.
	if n, err := io.Copy(io.Discard, io.LimitReader(z, cpio.MaxName+1)); err != nil || n > cpio.MaxName {
		return p, fmt.Errorf("%w: there is something behind it (%w)", cpio.ErrDamaged, err)
	}
	return p, nil
}

func (p *payload) add(content io.Reader, m cpio.Member) error {
	name, ok := strings.CutPrefix(m.Name, "./")
	if !ok || !manifest.CleanPath(name) {
		return fmt.Errorf("%w: %q is no clean path", cpio.ErrDamaged, m.Name)
	}
	if _, twice := p.files["/"+name]; twice {
		return fmt.Errorf("%w: /%s is there twice", cpio.ErrDamaged, name)
	}
	f := found{mode: m.Mode, size: m.Size}
	switch m.Mode & cpio.KindMask {
	case cpio.KindDir:
	case cpio.KindFile:
		sum := sha256.New()
		var keep bytes.Buffer
		w := io.Writer(sum)
		if path.Base(name) == manifest.Name && strings.Count(name, "/") == 3 {
			if m.Size > manifest.MaxSize {
				return fmt.Errorf("%s has %d bytes, at most %d are allowed", manifest.Name, m.Size, manifest.MaxSize)
			}
			w = io.MultiWriter(sum, &keep)
		}
		if p.rebuilt == nil && p.manifest != nil {
			p.rebuilt = newRebuilding(p.manifest)
		}
		if head := p.rebuilt.head(inBundle(name)); head != nil {
			w = io.MultiWriter(w, head)
		}
		from := io.TeeReader(content, w)
		if isPackage(name) {
			p.shipped.take("/"+strings.TrimSuffix(name, headSuffix), from)
		}
		if err := p.rebuilt.solid(inBundle(name), from); err != nil {
			return err
		}
		if _, err := io.Copy(w, content); err != nil {
			return err
		}
		f.sha256 = hex.EncodeToString(sum.Sum(nil))
		if keep.Len() > 0 {
			p.manifest = keep.Bytes()
		}
	default:
		return fmt.Errorf("%w: /%s is neither file nor folder (mode %o)", cpio.ErrDamaged, name, m.Mode)
	}
	p.files["/"+name] = f
	return nil
}
