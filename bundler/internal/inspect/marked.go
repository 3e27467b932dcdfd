package inspect

import (
	"io"
	"path"
	"strings"

	"onerpm/bundler/internal/pkgconf"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
)

// maxListed bounds how many files of a bundle's packages are kept while it is read.
const maxListed = 1 << 20

// shipped are the files of the packages in a bundle, by the package's path in the payload.
type shipped struct {
	files map[string][]rpmfile.FileInfo
	total int
}

// take reads the header of a package from r, and notes its files; of one that cannot be read nothing is noted, and r is
// somewhere in it.
func (s *shipped) take(name string, r io.Reader) {
	h, err := rpmpkg.Read(r)
	if err != nil {
		return
	}
	files := h.Files()
	if s.total += len(files); s.total > maxListed {
		return
	}
	s.files[name] = files
}

// headSuffix is what the name of a package's head has behind that of the package.
const headSuffix = ".head"

// isPackage reports whether a path in the payload, without the slash before it, is that of a package of one of the releases, or of its head.
func isPackage(name string) bool {
	parts := strings.Split(name, "/") // opt, prefix, version, folder, file
	return len(parts) == 5 && (parts[3] == "packages" || parts[3] == "rollback") && path.Ext(strings.TrimSuffix(name, headSuffix)) == ".rpm"
}

// marked tells what becomes of the packages' %config files, and which packages could not be asked.
func (s shipped) marked(m *manifest.Manifest) (list []pkgconf.File, unread []string) {
	side := func(packages []manifest.Package) (out []pkgconf.Package) {
		for _, p := range packages {
			if p.File == "" {
				continue // the same in both releases
			}
			files, read := s.files["/opt/"+m.Prefix+"/"+m.To+"/"+p.File]
			if !read {
				unread = append(unread, p.File)
				continue
			}
			out = append(out, pkgconf.Package{Name: p.Name, Early: p.Early, Late: p.Late, Files: files})
		}
		return out
	}
	old, new := side(m.Old), side(m.New)
	return pkgconf.Compare(old, new, m.Config), append([]string{}, unread...)
}
