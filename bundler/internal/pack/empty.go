package pack

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"onerpm/bundler/internal/rpmpkg"
)

// obsoletes makes a package of no file that obsoletes other packages: installed in
// one transaction, it removes them. rpm cannot install and erase in one command otherwise.
func (b *Bundle) obsoletes(ctx context.Context, kind, dir, why string, others []rpmpkg.Dep, at time.Time, signer Signer) (File, error) {
	m := b.Manifest
	meta := Meta{
		Name: m.Prefix + "-" + kind + "-" + m.To, Version: m.To, Release: strconv.Itoa(m.Revision), Arch: "noarch",
		Summary:     fmt.Sprintf("Part of the upgrade of %s %s to %s", m.Product, m.From, m.To),
		Description: wrap(why + " The upgrade erases it again; it holds no file."),
		Change:      fmt.Sprintf("Part of the upgrade of %s %s to %s", m.Product, m.From, m.To),
		License:     b.License, Vendor: b.Vendor, URL: b.URL, Group: "System Environment/Base", Time: at, Obsoletes: others,
	}
	var w memory
	if err := write(ctx, &w, meta, nil, signer, func(int64) {}); err != nil {
		return File{}, fmt.Errorf("make the %s package: %w", kind, err)
	}
	path := fmt.Sprintf("%s/%s-%s-%s.noarch.rpm", dir, meta.Name, meta.Version, meta.Release)
	return bytesFile(path, w, 0o644), nil
}

// memory is a file in memory.
type memory []byte

// WriteAt writes p at an offset, which may lie behind the end.
func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	if end := int(off) + len(p); end > len(*m) {
		*m = append(*m, make([]byte, end-len(*m))...)
	}
	return copy((*m)[off:], p), nil
}
