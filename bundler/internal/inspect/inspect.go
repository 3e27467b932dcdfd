// Package inspect reads a bundle and reports whether it is whole: its digests, its
// signature, and every file in it against the manifest.
//
// The file is foreign: it is read once, as a stream, memory is bounded, and whatever is
// wrong becomes a clear error. Nothing is written or run.
package inspect

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"onerpm/bundler/internal/pkgconf"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/bundler/internal/sign"
	"onerpm/internal/cpio"
	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
	"onerpm/payload-scripts/scriptlets"
)

// Report is what a bundle holds.
type Report struct {
	NEVRA     string             `json:"nevra"`
	Size      int64              `json:"size"` // bytes of the file
	SHA256    string             `json:"sha256"`
	Digests   []string           `json:"digests"` // those that the file carries and that are right
	Signer    string             `json:"signer"`  // key ID in hexadecimal, "" for an unsigned bundle
	Signature string             `json:"signature"`
	Manifest  *manifest.Manifest `json:"manifest"`       // nil when there is none that can be read
	Notes     string             `json:"notes"`          // what is new in the release, in Markdown, as the header's changelog has it; "" for none
	Marked    []pkgconf.File     `json:"package_config"` // what becomes of the packages' %config files; of Read alone
	Unread    []string           `json:"unread"`         // packages, by their paths in the bundle, of whose files nothing is known; of Read alone
	Problems  []string           `json:"problems"`       // empty: the bundle is whole
}

// What a Report says of the signature.
const (
	Unsigned   = "none"
	Unchecked  = "not checked" // no key was given
	Good       = "good"
	BadlyMade  = "bad"
	DemoSigned = "good, by the demo key, which anybody has"
)

// Read reads a bundle from r to its end. key checks its signature; with nil it is
// only told who signed. The error is about reading r; what is wrong with the
// bundle is in the report.
func Read(r io.Reader, key *sign.Public) (*Report, error) {
	pr, pw := io.Pipe()
	type unpacked struct {
		payload
		err error
	}
	done := make(chan unpacked)
	go func() {
		p, err := readPayload(pr)
		_, _ = io.Copy(io.Discard, pr) // the digests want all of it; the error is the reader's own
		done <- unpacked{p, err}
	}()
	rep, h, err := digests(r, pw)
	_ = pw.Close() // never fails
	content := <-done
	if err != nil || h == nil {
		return rep, err
	}
	rep.signature(h, key)
	if content.err != nil {
		rep.problem("%v", content.err)
		return rep, nil
	}
	rep.files(h, content.payload)
	return rep, nil
}

// Digests reads a bundle from r to its end and holds it against every digest that its headers carry. Signature and manifest are
// those of Head. The error is about reading r.
func Digests(r io.Reader) (*Report, error) {
	rep, _, err := digests(r, io.Discard)
	return rep, err
}

// digests does that, and writes what it reads to w. The header is nil when the bundle is damaged: what it says is for people only.
func digests(r io.Reader, w io.Writer) (*Report, *rpmpkg.Package, error) {
	whole, in := sha256.New(), &counter{r: r}
	src := io.TeeReader(in, io.MultiWriter(whole, w))
	h, err := rpmpkg.Verify(src)
	_, _ = io.Copy(io.Discard, src) // after an error, for the file's own digest; in.err tells how it went
	if in.err != nil {
		return nil, nil, in.err
	}
	rep := &Report{Size: in.n, SHA256: hex.EncodeToString(whole.Sum(nil)), Digests: []string{}, Marked: []pkgconf.File{}, Unread: []string{}, Problems: []string{}, Signature: Unsigned}
	if err != nil {
		rep.problem("%v", err)
		return rep, nil, nil
	}
	rep.NEVRA, rep.Digests = h.NEVRA(), h.Verified
	rep.digests(h)
	rep.notes(h)
	return rep, h, nil
}

// Head reads a bundle from r as far as its manifest. What is in the report is signed: the signature is of the headers, which have
// the digest of every file, the manifest among them; they are held against the manifest. Size and SHA-256 of the bundle are not
// known. The error is about reading r.
func Head(r io.Reader, key *sign.Public) (*Report, error) {
	in := &counter{r: r}
	rep := &Report{Digests: []string{}, Marked: []pkgconf.File{}, Unread: []string{}, Problems: []string{}, Signature: Unsigned}
	h, err := rpmpkg.VerifyHeader(in)
	var p payload
	if err == nil {
		rep.NEVRA, rep.Digests = h.NEVRA(), h.Verified
		rep.signature(h, key)
		rep.notes(h)
		p, err = readFiles(h, in, true)
	}
	if in.err != nil {
		return nil, in.err
	}
	if err != nil {
		rep.problem("%v", err)
		return rep, nil
	}
	if !rep.manifest(h, p) {
		return rep, nil
	}
	list, at := listedFiles(h), "/opt/"+rep.Manifest.Prefix+"/"+rep.Manifest.To+"/"+manifest.Name
	rep.against(rep.Manifest, list)
	if list[at].sha256 != p.files[at].sha256 {
		rep.problem("%s is not what rpm's list says", at)
	}
	return rep, nil
}

// listedFiles returns the files that the payload has, as rpm's list says.
func listedFiles(h *rpmpkg.Package) map[string]found {
	all := map[string]found{}
	for _, f := range h.Files() {
		if !f.IsGhost() {
			all[f.Path] = found{mode: f.Mode, size: f.Size, sha256: f.Digest}
		}
	}
	return all
}

// counter counts what is read and keeps the error of the reading itself.
type counter struct {
	r   io.Reader
	n   int64
	err error
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

func (rep *Report) problem(format string, a ...any) {
	rep.Problems = append(rep.Problems, fmt.Sprintf(format, a...))
}

// digests demands the digests that every bundle carries: without one there is nothing that holds.
func (rep *Report) digests(h *rpmpkg.Package) {
	for _, want := range []string{"header SHA-1", "header SHA-256", "payload SHA-256"} {
		if !slices.Contains(h.Verified, want) {
			rep.problem("it carries no digest %s", want)
		}
	}
}

func (rep *Report) signature(h *rpmpkg.Package, key *sign.Public) {
	packet := h.Signature.Bytes(rpmpkg.SigRSA)
	if packet == nil {
		if key != nil {
			rep.problem("it is not signed")
		}
		return
	}
	rep.Signature = Unchecked
	var err error
	if rep.Signer, err = sign.Signer(packet); err != nil {
		rep.problem("%v", err)
	}
	if key == nil {
		return
	}
	rep.Signature = Good
	if key.Demo() {
		rep.Signature = DemoSigned
	}
	if err := key.Verify(h.Main.Raw(), packet); err != nil {
		rep.Signature = BadlyMade
		rep.problem("it is not signed by %s: %v", key.Fingerprint(), err)
	}
}

// files compares the payload with the manifest in it and with rpm's own list.
func (rep *Report) files(h *rpmpkg.Package, p payload) {
	if rep.manifest(h, p) {
		rep.Marked, rep.Unread = p.shipped.marked(rep.Manifest)
		rep.against(rep.Manifest, p.files)
		rep.listed(rep.Manifest, h.Files(), p.files)
		if p.rebuilt == nil { // the manifest was the last file
			p.rebuilt = newRebuilding(p.manifest)
		}
		rep.Problems = append(rep.Problems, p.rebuilt.found()...)
	}
}

// manifest reads the manifest, and reports whether there is one.
func (rep *Report) manifest(h *rpmpkg.Package, p payload) bool {
	if p.manifest == nil {
		rep.problem("it is no bundle: there is no %s in it", manifest.Name)
		return false
	}
	m, err := manifest.Decode(bytes.NewReader(p.manifest))
	if err != nil {
		rep.problem("%v", err)
		return false
	}
	rep.Manifest = m
	if want := m.Prefix + "-" + m.To; h.Name != want || h.Version != m.To || h.Release != strconv.Itoa(m.Revision) {
		rep.problem("the package is %s, its manifest is that of %s-%s-%d", h.NVR(), want, m.To, m.Revision)
	}
	return true
}

// against compares what is there with what the manifest lists.
func (rep *Report) against(m *manifest.Manifest, there map[string]found) {
	root := "/opt/" + m.Prefix
	dir := root + "/" + m.To + "/"
	expected := map[string]bool{dir + manifest.Name: true, "/usr/bin/" + m.Prefix: true}
	for _, f := range m.Files {
		at := dir + f.Path
		expected[at] = true
		got, ok := there[at]
		switch {
		case !ok:
			rep.problem("%s is missing", f.Path)
		case got.size != f.Size || got.sha256 != f.SHA256:
			rep.problem("%s has %d bytes and sha256 %s, the manifest says %d and %s", f.Path, got.size, got.sha256, f.Size, f.SHA256)
		case got.mode != cpio.KindFile|f.Mode:
			rep.problem("%s has mode %o, the manifest says %o", f.Path, got.mode&0o7777, f.Mode)
		}
	}
	for _, at := range slices.Sorted(maps.Keys(there)) {
		isDir := there[at].mode&cpio.KindMask == cpio.KindDir
		if !expected[at] && (!isDir || at != root && !strings.HasPrefix(at+"/", dir)) {
			rep.problem("%s is not in the manifest", at)
		}
	}
}

// listed compares what is there with rpm's own list, by which rpm verifies what it installed.
func (rep *Report) listed(m *manifest.Manifest, list []rpmfile.FileInfo, there map[string]found) {
	made := scriptlets.Made(m.Prefix)
	list = slices.DeleteFunc(slices.Clone(list), func(f rpmfile.FileInfo) bool { return f.IsGhost() && slices.Contains(made, f.Path) })
	if len(list) != len(there) {
		rep.problem("rpm's list has %d files, the payload %d", len(list), len(there))
	}
	for _, f := range list {
		got, ok := there[f.Path]
		switch {
		case !ok:
			rep.problem("%s is in rpm's list and not in the payload", f.Path)
		case got.mode != f.Mode || got.sha256 != f.Digest || got.sha256 != "" && got.size != f.Size:
			rep.problem("%s is not what rpm's list says", f.Path)
		}
	}
}
