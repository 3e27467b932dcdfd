package inspect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/internal/solid"
	"onerpm/internal/stored"
)

// rebuilding proves, while a bundle is read, that the packages which are rebuilt of it come out as the manifest says. Heads come before what is
// compressed, as "solid/" comes behind the other folders, so of each package no more is kept than a digest that is not complete.
type rebuilding struct {
	m        *manifest.Manifest
	heads    map[string]hash.Hash // of the package, by its head
	seen     map[string]bool      // solid files
	problems []string
}

// newRebuilding takes a manifest as it lies in the bundle; of one that cannot be read nothing is proved, which is told elsewhere.
func newRebuilding(text []byte) *rebuilding {
	m, err := manifest.Decode(bytes.NewReader(text))
	if err != nil {
		m = &manifest.Manifest{}
	}
	return &rebuilding{m: m, heads: map[string]hash.Hash{}, seen: map[string]bool{}}
}

// head returns what a file of the bundle, by its path in the manifest, is to be written to when it is the head of a package; nil otherwise.
func (r *rebuilding) head(path string) io.Writer {
	if r == nil {
		return nil
	}
	for _, s := range r.m.Solid {
		for _, p := range s.Packages {
			if p.Head == path {
				r.heads[path] = sha256.New()
				return r.heads[path]
			}
		}
	}
	return nil
}

// solid reads a file of the bundle if packages are rebuilt of it, maybe not to its end. The error is that of content.
func (r *rebuilding) solid(path string, content io.Reader) error {
	if r == nil {
		return nil
	}
	for _, s := range r.m.Solid {
		if s.File == path {
			r.seen[path] = true
			in := &failed{r: content}
			r.problems = append(r.problems, r.unpack(s, in)...)
			return in.err
		}
	}
	return nil
}

// failed keeps the error of what is read: it is not that of what is in it.
type failed struct {
	r   io.Reader
	err error
}

func (f *failed) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

// unpack says all that is wrong with the packages of a solid file.
func (r *rebuilding) unpack(s manifest.Solid, in io.Reader) (problems []string) {
	payloads, sums, ends := make([]solid.Payload, len(s.Packages)), make([]hash.Hash, len(s.Packages)), make([]io.Closer, len(s.Packages))
	for i, p := range s.Packages {
		whole := r.heads[p.Head]
		if whole == nil {
			return []string{fmt.Sprintf("%s cannot be rebuilt: %s does not come before %s", p.File, p.Head, s.File)}
		}
		w, err := stored.NewWriter(p.Compressor, whole, p.PayloadSize)
		if err != nil {
			return []string{fmt.Sprintf("%s cannot be rebuilt: %v", p.File, err)}
		}
		sums[i], ends[i] = sha256.New(), w
		payloads[i] = solid.Payload{W: io.MultiWriter(w, sums[i]), Size: p.PayloadSize}
	}
	if err := solid.Unpack(context.Background(), in, payloads); err != nil {
		return []string{fmt.Sprintf("the packages in %s cannot be rebuilt: %v", s.File, err)}
	}
	for i, p := range s.Packages {
		if err := ends[i].Close(); err != nil {
			problems = append(problems, fmt.Sprintf("%s cannot be rebuilt: %v", p.File, err))
			continue
		}
		for _, c := range []struct{ what, got, want string }{
			{"its payload", hex.EncodeToString(sums[i].Sum(nil)), p.PayloadSHA256},
			{"the package", hex.EncodeToString(r.heads[p.Head].Sum(nil)), p.SHA256},
		} {
			if c.got != c.want {
				problems = append(problems, fmt.Sprintf("%s, rebuilt: %s has the sha256 %s, the manifest says %s", p.File, c.what, c.got, c.want))
			}
		}
	}
	return problems
}

// inBundle cuts the folder of a bundle off a path in its payload, which begins with opt/PREFIX/RELEASE/; "" for another one.
func inBundle(name string) string {
	parts := strings.SplitN(name, "/", 4)
	if len(parts) < 4 || parts[0] != "opt" {
		return ""
	}
	return parts[3]
}

// found are the problems. A file that came before the manifest was not looked at, so nothing is known of its packages.
func (r *rebuilding) found() []string {
	for _, s := range r.m.Solid {
		if !r.seen[s.File] {
			r.problems = append(r.problems, fmt.Sprintf("the packages in %s cannot be rebuilt: %s does not come before it", s.File, manifest.Name))
		}
	}
	return r.problems
}
