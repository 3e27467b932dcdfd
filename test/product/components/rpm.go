package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"time"

	"github.com/google/rpmpack"
	"github.com/klauspost/compress/gzip" // its output is tied to go.mod, not to the toolchain

	"onerpm/test/product/internal/product"
)

// pkg is one package of a release.
type pkg struct {
	name, version, release, arch, summary string
	date                                  string // YYYY-MM-DD; the release's when empty
	requires, obsoletes                   []string
	files                                 []file
	pre, post, preun, postun              string
}

// file is one file of a package or of an archive.
type file struct {
	path string
	body []byte // of a symbolic link: its target
	mode uint   // with the type bits for a folder or a link; 0 is 0644
	kind rpmpack.FileType

	owner string // and group, in a package; root if empty
}

const (
	isDir  = 0o040000
	isLink = 0o120000
)

// write builds the package into the folder, replacing what is there in one step.
func (p pkg) write(folder string, r product.Release) (built, error) {
	date := p.date
	if date == "" {
		date = r.Date
	}
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return built{}, err
	}
	meta := rpmpack.RPMMetaData{
		Name: p.name, Version: p.version, Release: p.release, Arch: p.arch, Summary: p.summary, Description: p.summary + ".",
		Vendor: "onerpm demo product", Licence: "Apache-2.0", Group: "Applications/System", URL: "https://example.org/demo-product",
		BuildHost: "localhost", BuildTime: at, Compressor: "gzip:6", Epoch: rpmpack.NoEpoch,
	}
	for _, s := range append(p.requires, "/bin/sh") {
		if err := meta.Requires.Set(s); err != nil {
			return built{}, err
		}
	}
	for _, s := range p.obsoletes {
		if err := meta.Obsoletes.Set(s); err != nil {
			return built{}, err
		}
	}
	rpm, err := rpmpack.NewRPM(meta)
	if err != nil {
		return built{}, err
	}
	for _, f := range p.files {
		mode := f.mode
		if mode == 0 {
			mode = 0o644
		}
		owner := f.owner
		if owner == "" {
			owner = "root"
		}
		rpm.AddFile(rpmpack.RPMFile{Name: f.path, Body: f.body, Mode: mode, Owner: owner, Group: owner, MTime: uint32(at.Unix()), Type: f.kind})
	}
	rpm.AddPrein(p.pre)
	rpm.AddPostin(p.post)
	rpm.AddPreun(p.preun)
	rpm.AddPostun(p.postun)
	var b bytes.Buffer
	if err := rpm.Write(&b); err != nil {
		return built{}, err
	}
	out := built{Name: p.name, File: p.name + "-" + p.version + "-" + p.release + "." + p.arch + ".rpm", Size: int64(b.Len())}
	sum := sha256.Sum256(b.Bytes())
	out.SHA256 = hex.EncodeToString(sum[:])
	return out, replace(filepath.Join(folder, out.File), b.Bytes())
}

// archive packs files into a tar.gz that is the same whenever it is made.
func archive(at time.Time, files ...file) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // the level is a valid one
	t := tar.NewWriter(z)
	for _, f := range files {
		h := &tar.Header{Name: f.path, Mode: int64(f.mode & 0o7777), Size: int64(len(f.body)), ModTime: at, Format: tar.FormatUSTAR,
			Uname: "root", Gname: "root", Typeflag: tar.TypeReg}
		if f.mode == 0 {
			h.Mode = 0o644
		}
		must(t.WriteHeader(h))
		_, err := t.Write(f.body)
		must(err)
	}
	must(t.Close())
	must(z.Close())
	return b.Bytes()
}

// must is for writes into memory of headers that are ours.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
