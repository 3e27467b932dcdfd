package pkgfile

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"onerpm/payload-scripts/internal/host"
)

// Edited is what scriptlets made of the packages' own files, noted when rpm had just put
// them in place: from then on the files must be so.
type Edited struct {
	File string // the record; "" when nothing may be written
	Root string // the host's files are below it
}

// Note notes how the files are now, durably.
func (e Edited) Note(paths []string) error {
	comparer := &Comparer{Root: e.Root}
	all := make([]Own, len(paths))
	for i, p := range paths {
		var err error
		if all[i], err = comparer.describe(p); err != nil {
			return fmt.Errorf("note what scriptlets made of %s: %w", p, err)
		}
	}
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return host.WriteFile(e.File, append(data, '\n'), host.Attr{Mode: 0o600})
}

// Forget takes the record away.
func (e Edited) Forget() error {
	if err := os.Remove(e.File); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("forget what scriptlets made of files: %w", err)
	}
	return nil
}

// Overlay puts what was noted over what the packages say. Mode and owner do not count:
// a scriptlet ran.
func (e Edited) Overlay(all map[string]Want) error {
	if e.File == "" {
		return nil
	}
	data, err := os.ReadFile(e.File)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read what scriptlets made of files: %w", err)
	}
	var record []Own
	if err := json.Unmarshal(data, &record); err != nil {
		return fmt.Errorf("read %s: %w", e.File, err)
	}
	for _, o := range record {
		w, known := all[string(o.Path)]
		if !known {
			continue
		}
		w.Absent, w.IgnoreAttr = o.Missing, true
		w.Mode, w.Size, w.Digest, w.Algo, w.Link = o.Mode, o.Size, o.SHA256, crypto.SHA256, string(o.Link)
		all[w.Path] = w
	}
	return nil
}

// describe tells what is at a path.
func (c *Comparer) describe(path string) (Own, error) {
	o := Own{Path: host.Name(path)}
	n, err := open(clean(c.Root, path))
	if err != nil {
		return o, err
	}
	if n == nil {
		o.Missing = true
		return o, nil
	}
	defer n.Close()
	o.Mode, o.UID, o.GID, o.Size, o.MTime = GoMode(n.Stat.Mode), int(n.Stat.Uid), int(n.Stat.Gid), n.Stat.Size, n.Stat.Mtim.Nano()
	switch {
	case isLink(n):
		link, err := n.Link()
		o.Link = host.Name(link)
		return o, err
	case o.Mode.IsRegular():
		o.SHA256, err = c.digest(n, crypto.SHA256)
	}
	return o, err
}
