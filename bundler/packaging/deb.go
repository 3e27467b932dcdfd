package main

import (
	"bytes"
	"cmp"
	"crypto/md5" //nolint:gosec // what dpkg --verify reads
	"fmt"
	"slices"
	"strings"
)

// deb returns the Debian package for an architecture, as deb(5) describes it: an ar archive of a version, a control
// archive and a data archive.
func (r release) deb(arch string, files []file) ([]byte, error) {
	files = slices.Clone(files)
	for i := range files { // Debian's zsh looks in another folder for what comes with packages
		files[i].path = strings.Replace(files[i].path, "/zsh/site-functions/", "/zsh/vendor-completions/", 1)
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.path, b.path) })
	var sums bytes.Buffer
	size := 0
	for _, f := range files {
		fmt.Fprintf(&sums, "%x  %s\n", md5.Sum(f.body), f.path[1:]) //nolint:gosec // see above
		size += len(f.body)
	}
	control := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: %s\nInstalled-Size: %d\nConflicts: %s\nSection: devel\nPriority: optional\nDescription: %s\n %s\n",
		name, r.version, arch, r.key.UserID(), (size+1023)/1024, conflicting.deb, summary, strings.ReplaceAll(description, "\n", "\n "))
	head, err := r.archive([]file{{"/control", 0o644, []byte(control)}, {"/md5sums", 0o644, sums.Bytes()}}, "./")
	if err != nil {
		return nil, err
	}
	data, err := r.archive(files, "./")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	for _, member := range []file{{"debian-binary", 0o644, []byte("2.0\n")}, {"control.tar.gz", 0o644, head}, {"data.tar.gz", 0o644, data}} {
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", member.path, r.at.Unix(), 0, 0, fmt.Sprintf("100%o", member.mode), len(member.body))
		b.Write(member.body)
		if len(member.body)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes(), nil
}
