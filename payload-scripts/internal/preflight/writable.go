package preflight

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/host"
)

// writable finds what cannot be written although the upgrade must: paths on read-only
// file systems, and files and folders that chattr made immutable.
func (r *run) writable(context.Context) []finding.Finding {
	paths, err := r.set.AllPaths()
	if err != nil {
		return failed("find out which paths will be written", err)
	}
	if r.early != nil {
		more, err := r.early.AllPaths()
		if err != nil {
			return failed("find out which paths will be written", err)
		}
		paths = append(paths, more...)
	}
	for _, m := range r.Manifest.Moves {
		paths = append(paths, m.Source(), m.Target())
	}
	for _, o := range r.Manifest.Owners {
		paths = append(paths, o.Path)
	}
	for _, c := range r.Manifest.Config {
		paths = append(paths, c.Target)
	}
	paths = append(paths, r.Manifest.State...)
	paths = append(paths, "/etc/systemd/system", "/opt/"+r.Manifest.Prefix+"/run", "/var/lib/"+r.Manifest.Prefix)
	var readOnly, immutable []string
	seen := map[string]bool{}
	for _, p := range paths {
		for _, at := range []string{p, filepath.Dir(p)} { // a file is replaced through its folder
			at, _, err := existing(filepath.Join(r.Root, at))
			if err != nil {
				return failed("look at a path that will be written", err)
			}
			if seen[at] {
				continue
			}
			seen[at] = true
			ro, fixed, err := look(at)
			if err != nil {
				return failed("look at a path that will be written", err)
			}
			if ro {
				readOnly = append(readOnly, at)
			}
			if fixed {
				immutable = append(immutable, at)
			}
		}
	}
	var found []finding.Finding
	if len(readOnly) > 0 {
		found = append(found, finding.Finding{
			ID: "read-only", Level: finding.Refuse,
			What: "on a file system that is mounted read-only: " + list(readOnly, ", "), Do: "mount it read-write",
		})
	}
	if len(immutable) > 0 {
		found = append(found, finding.Finding{
			ID: "immutable", Level: finding.Refuse,
			What: "made immutable or append-only: " + list(immutable, ", "), Do: "chattr -i -a each of them",
		})
	}
	return append(found, r.executable()...)
}

// look tells whether a path lies on a read-only file system and whether it is immutable itself.
func look(path string) (readOnly, fixed bool, err error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return false, false, err
	}
	readOnly = fs.Flags&unix.ST_RDONLY != 0
	n, err := host.OpenInode(unix.AT_FDCWD, path)
	if errors.Is(err, os.ErrNotExist) { // it went meanwhile
		return readOnly, false, nil
	}
	if err != nil {
		return readOnly, false, err
	}
	defer n.Close()
	flags, err := n.Flags()
	if errors.Is(err, os.ErrPermission) {
		return readOnly, false, nil // not root: another finding says so
	}
	return readOnly, flags&host.Frozen != 0, err
}

// executable checks that programs can be run from where the attempt's folder will be.
func (r *run) executable() []finding.Finding {
	at, _, err := existing(filepath.Join(r.Root, "/opt", r.Manifest.Prefix, "run"))
	if err != nil {
		return failed("look at the folder of the upgrade", err)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(at, &fs); err != nil {
		return failed("look at the folder of the upgrade", err)
	}
	if fs.Flags&unix.ST_NOEXEC == 0 {
		return nil
	}
	return []finding.Finding{{
		ID: "no-exec", Level: finding.Refuse,
		What: "the file system of " + at + " is mounted noexec; the engine runs from there", Do: "mount it without noexec",
	}}
}
