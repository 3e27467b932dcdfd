package manifest

import (
	"slices"

	"onerpm/internal/stored"
)

// Solid is a file of the bundle that has the payloads of packages compressed as one (package solid). Each package is rebuilt out of it on the host: its
// own lead and headers, untouched, and the payload in stored blocks of the compressor that its header names (package stored).
type Solid struct {
	File     string    `json:"file"`     // path in the bundle
	Packages []Rebuilt `json:"packages"` // in the order of their numbers in the file
}

// Rebuilt is a package that the bundle carries in two parts, its head and its payload.
type Rebuilt struct {
	File          string `json:"file"`           // that of the Package; there is no such file in the bundle
	Head          string `json:"head"`           // path in the bundle of the package's lead and headers
	Compressor    string `json:"compressor"`     // that the header names: gzip, xz or zstd
	PayloadSize   int64  `json:"payload_size"`   // bytes of the payload, uncompressed
	PayloadSHA256 string `json:"payload_sha256"` // likewise
	Size          int64  `json:"size"`           // bytes of the rebuilt package
	SHA256        string `json:"sha256"`         // likewise; that of the Package is the original's
}

// maxPayloads is how many payloads one file can number (solid.MaxPayloads).
const maxPayloads = 1 << 8

// Rebuilt returns how a package is rebuilt, by its File, and out of what; nil when the bundle has it as it is.
func (m *Manifest) Rebuilt(file string) (*Solid, *Rebuilt) {
	for i := range m.Solid {
		for j := range m.Solid[i].Packages {
			if r := &m.Solid[i].Packages[j]; r.File == file {
				return &m.Solid[i], r
			}
		}
	}
	return nil, nil
}

// RebuiltSize returns the bytes of all packages that are rebuilt.
func (m *Manifest) RebuiltSize() int64 {
	var n int64
	for _, s := range m.Solid {
		for _, r := range s.Packages {
			n += r.Size
		}
	}
	return n
}

// solid demands that what is rebuilt is a package, once, out of files that are there, and as large as its parts make it.
func (v *validator) solid(m *Manifest) {
	var known []string
	for _, p := range slices.Concat(m.Old, m.New) {
		known = append(known, p.File)
	}
	last := ""
	for _, s := range m.Solid {
		if s.File <= last {
			v.add("solid %q: listed twice or out of order", s.File)
		}
		last = s.File
		if _, ok := v.files[s.File]; !ok {
			v.add("solid %q: not among the files", s.File)
		}
		if n := len(s.Packages); n < 1 || n > maxPayloads {
			v.add("solid %q: %d packages", s.File, n)
		}
		for _, r := range s.Packages {
			v.rebuilt(r, known)
		}
	}
}

func (v *validator) rebuilt(r Rebuilt, known []string) {
	if _, is := v.files[r.File]; is || v.isRebuilt[r.File] || !CleanPath(r.File) || !slices.Contains(known, r.File) {
		v.add("rebuilt package %q: not a package, or one that is there already", r.File)
	}
	v.isRebuilt[r.File] = true
	head, ok := v.files[r.Head]
	if !ok {
		v.add("rebuilt package %q: its head %q is not among the files", r.File, r.Head)
	}
	for _, sum := range []string{r.PayloadSHA256, r.SHA256} {
		if !sha256Grammar.MatchString(sum) {
			v.add("rebuilt package %q: %q is no sha256", r.File, sum)
		}
	}
	switch {
	case !stored.Has(r.Compressor):
		v.add("rebuilt package %q: %q has no stored blocks", r.File, r.Compressor)
	case r.PayloadSize < 1 || r.PayloadSize > maxRebuilt:
		v.add("rebuilt package %q: a payload of %d bytes", r.File, r.PayloadSize)
	case r.Size != head.Size+stored.Size(r.Compressor, r.PayloadSize):
		v.add("rebuilt package %q: %d bytes are not those of its head and its payload", r.File, r.Size)
	}
}

// maxRebuilt bounds a payload, in bytes, so that sums of sizes do not overflow.
const maxRebuilt = 5 << 40
