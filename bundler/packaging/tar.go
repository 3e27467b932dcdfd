package main

import (
	"archive/tar"
	"bytes"
	"path"
	"slices"
	"strings"
)

func tarName(version, arch string) string { return "bundler-" + version + "-linux-" + arch }

// tar returns an archive for those who want no package: one folder with bin/bundler and share/.
func (r release) tar(arch string, files []file) ([]byte, error) {
	files = slices.Clone(files)
	for i := range files {
		files[i].path = "/" + tarName(r.version, arch) + strings.TrimPrefix(files[i].path, "/usr")
	}
	return r.archive(files, "")
}

// archive is a compressed tar of files, each behind the folders that it is in. Their names begin with root, in place of "/".
func (r release) archive(files []file, root string) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	head := func(name string, kind byte, mode uint32, size int) error {
		return w.WriteHeader(&tar.Header{Name: root + name[1:], Typeflag: kind, Mode: int64(mode), Size: int64(size), ModTime: r.at, Uname: "root", Gname: "root", Format: tar.FormatGNU})
	}
	there := map[string]bool{}
	var folder func(dir string) error
	folder = func(dir string) error {
		if there[dir] || dir == "/" && root == "" {
			return nil
		}
		there[dir] = true
		if dir != "/" {
			if err := folder(path.Dir(dir)); err != nil {
				return err
			}
		}
		return head(strings.TrimSuffix(dir, "/")+"/", tar.TypeDir, 0o755, 0)
	}
	for _, f := range files {
		if err := folder(path.Dir(f.path)); err != nil {
			return nil, err
		}
		if err := head(f.path, tar.TypeReg, f.mode, len(f.body)); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.body); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return zipped(b.Bytes()), nil
}
