package main

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/google/rpmpack"
)

const (
	sigPayloadSize = 1007
	tagDirNames    = 1118                // lib/rpmtag.h of rpm
	rpmlib         = 1<<24 | 1<<1 | 1<<3 // a feature of rpm, of a version or an earlier one (lib/rpmds.h)
)

// rpm returns the RPM for an architecture, signed.
func (r release) rpm(arch string, files []file) ([]byte, error) {
	p, err := rpmpack.NewRPM(rpmpack.RPMMetaData{
		Name: name, Version: r.version, Release: "1", Epoch: rpmpack.NoEpoch, Arch: arch, Summary: summary, Description: description, Licence: licence,
		Packager: r.key.UserID(), Vendor: r.key.UserID(), Group: "Development/Tools", BuildHost: "localhost", BuildTime: r.at,
		Conflicts: rpmpack.Relations{{Name: conflicting.rpm}},
		Requires: rpmpack.Relations{
			{Name: "rpmlib(CompressedFileNames)", Version: "3.0.4-1", Sense: rpmlib},
			{Name: "rpmlib(FileDigests)", Version: "4.6.0-1", Sense: rpmlib},
			{Name: "rpmlib(PayloadFilesHavePrefix)", Version: "4.0-1", Sense: rpmlib},
		},
	})
	if err != nil {
		return nil, err
	}
	mtime := uint32(r.at.Unix())
	// rpmpack names files in the payload as in the header. There they begin with ".", or "rpm2cpio | cpio -i" would write
	// into the machine's own folders.
	p.AddFile(rpmpack.RPMFile{Name: "./usr/share/doc/" + name, Mode: 0o40755, Owner: "root", Group: "root", MTime: mtime})
	for _, f := range files {
		kind := rpmpack.GenericFile
		switch {
		case strings.Contains(f.path, "licenses") || strings.HasSuffix(f.path, "/copyright"):
			kind = rpmpack.LicenceFile | rpmpack.DocFile
		case strings.HasPrefix(f.path, "/usr/share/doc/") || strings.HasPrefix(f.path, "/usr/share/man/"):
			kind = rpmpack.DocFile
		}
		p.AddFile(rpmpack.RPMFile{Name: "." + f.path, Mode: uint(f.mode), Body: f.body, Owner: "root", Group: "root", MTime: mtime, Type: kind})
	}
	// rpmpack tells the size of all files in place of that of the archive, and "rpm2cpio" fails.
	p.AddCustomSig(sigPayloadSize, rpmpack.EntryUint32([]uint32{archiveSize(files)}))
	p.AddCustomTag(tagDirNames, rpmpack.EntryStringSlice(folders(files)))
	p.SetPGPSigner(func(b []byte) ([]byte, error) { return r.key.Header(b, r.at) })
	var b bytes.Buffer
	err = p.Write(&b)
	return b.Bytes(), err
}

// folders are the folders of the files in the order in which rpmpack numbers them: of the paths, sorted.
func folders(files []file) []string {
	paths := []string{"/usr/share/doc/" + name}
	for _, f := range files {
		paths = append(paths, f.path)
	}
	slices.Sort(paths)
	var out []string
	for _, p := range paths {
		if dir := path.Dir(p) + "/"; !slices.Contains(out, dir) {
			out = append(out, dir)
		}
	}
	return out
}

// archiveSize is that of the cpio archive of the files, of the "newc" form: of each a head of 110 bytes, its name with a
// final NUL, and its content, each padded to 4 bytes; and one more at the end that has a name alone.
func archiveSize(files []file) uint32 {
	pad := func(n int) int { return (n + 3) &^ 3 }
	const head, trailer = 110 + 1, "TRAILER!!!"
	size := pad(head+len("./usr/share/doc/"+name)) + pad(head+len(trailer))
	for _, f := range files {
		size += pad(head+len("."+f.path)) + pad(len(f.body))
	}
	return uint32(size)
}
