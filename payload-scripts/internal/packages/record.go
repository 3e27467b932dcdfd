package packages

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"

	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
	"onerpm/payload-scripts/internal/host"
)

// own is a file that is not as the old release's packages say, because an admin
// or a scriptlet changed it, or that lies where the new release's have one: it
// is the host's own, and the way back restores it.
type own struct {
	Path    string      `json:"path"`
	Missing bool        `json:"missing"` // the package has it, the host does not
	Mode    fs.FileMode `json:"mode"`
	UID     int         `json:"uid"`
	GID     int         `json:"gid"`
	Size    int64       `json:"size"`
	SHA256  string      `json:"sha256"`
	Link    string      `json:"link"`
	Saved   string      `json:"saved"` // name of the copy in the folder of copies; "" when only mode or owner differ
}

func (s *Set) recordFile() string { return filepath.Join(s.Var, "packages.json") }
func (s *Set) copies() string     { return filepath.Join(s.Var, "backup", "packages") }

// Record notes, and saves, what Converge(Old) must restore besides the old
// packages themselves: their files that are changed or missing on this host, and
// files that lie where the new packages have theirs. Configuration and state
// are not looked at. It is called before anything changes; that the old set is
// installed is demanded. It returns the paths. It also reads the bundle's packages once, so
// that Converge need not do so in the window.
func (s *Set) Record(ctx context.Context) ([]string, error) {
	if differs, err := s.Compare(ctx, manifest.Old); err != nil || len(differs) > 0 {
		return nil, errors.Join(err, asError(manifest.Old, differs))
	}
	for _, side := range []manifest.Side{manifest.Old, manifest.New} {
		if err := s.Verify(ctx, side); err != nil {
			return nil, err
		}
	}
	who, err := s.owners()
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(s.recordFile()); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(s.copies()); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.copies(), 0o700); err != nil {
		return nil, err
	}
	want, err := s.expected(manifest.Old, who)
	if err != nil {
		return nil, err
	}
	theirs, err := s.paths(manifest.New)
	if err != nil {
		return nil, err
	}
	all := []own{}
	for _, p := range union(want, theirs) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if f := theirs[p]; s.merged(p) || s.inState(p) || f.IsConfig() || f.IsGhost() {
			continue
		}
		o, err := s.own(p, want, strconv.Itoa(len(all)))
		if err != nil {
			return nil, fmt.Errorf("save %s for the way back: %w", p, err)
		}
		if o != nil {
			all = append(all, *o)
		}
	}
	dirs, err := s.absentDirs(theirs)
	if err != nil {
		return nil, err
	}
	return pathsOf(all), s.writeRecord(append(all, dirs...))
}

func asError(side manifest.Side, differs []Difference) error {
	if len(differs) == 0 {
		return nil
	}
	return &Error{Side: side, Differences: differs}
}

func pathsOf(all []own) []string {
	paths := make([]string, len(all))
	for i, o := range all {
		paths[i] = o.Path
	}
	return paths
}

func union(a map[string]expectation, b map[string]rpmfile.FileInfo) []string {
	var all []string
	for p := range a {
		all = append(all, p)
	}
	for p := range b {
		if _, ok := a[p]; !ok {
			all = append(all, p)
		}
	}
	sort.Strings(all)
	return all
}

// own describes and saves what is at p when it is not as the old packages have
// it, and returns nil when it is. name is that of a copy.
func (s *Set) own(p string, want map[string]expectation, name string) (*own, error) {
	at := filepath.Join(s.Root, p)
	e, packaged := want[p]
	info, err := os.Lstat(at)
	if errors.Is(err, os.ErrNotExist) || isNotDir(err) {
		if packaged {
			return &own{Path: p, Missing: true}, nil
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if packaged {
		e.lax, e.varies = false, false
		if got, _, err := e.look(at); got == "" || err != nil {
			return nil, err
		}
	}
	attr := host.AttrOf(info)
	o := &own{Path: p, Mode: info.Mode().Type() | attr.Mode, UID: attr.UID, GID: attr.GID}
	switch {
	case info.IsDir():
		return o, nil
	case o.Mode&fs.ModeSymlink != 0:
		o.Link, err = os.Readlink(at)
		return o, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("it is %s, which cannot be saved", info.Mode())
	}
	o.Size = info.Size()
	if o.SHA256, err = digestOf(at, rpmfile.SHA256); err != nil {
		return nil, err
	}
	if packaged && e.mode.IsRegular() {
		if got, err := e.lookContent(at, info); err != nil || got == "" {
			return o, err
		}
	}
	o.Saved = name
	return o, host.CopyFile(at, filepath.Join(s.copies(), name))
}

func (s *Set) writeRecord(all []own) error {
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return host.WriteFile(s.recordFile(), append(data, '\n'), host.Attr{Mode: 0o600})
}

// record reads what Record noted; nothing when it was not called.
func (s *Set) record() ([]own, error) {
	if s.Var == "" {
		return nil, nil
	}
	data, err := os.ReadFile(s.recordFile())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what the host had of its own: %w", err)
	}
	var all []own
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("read %s: %w", s.recordFile(), err)
	}
	return all, nil
}

// overlay puts what Record noted over what the old packages say.
func (s *Set) overlay(all map[string]expectation) error {
	record, err := s.record()
	if err != nil {
		return err
	}
	for _, o := range record {
		if o.isAbsentDir() {
			continue
		}
		all[o.Path] = expectation{
			pkg: all[o.Path].pkg, path: o.Path, mode: o.Mode, uid: o.UID, gid: o.GID,
			size: o.Size, digest: o.SHA256, algo: rpmfile.SHA256, link: o.Link,
			own: true, absent: o.Missing,
		}
	}
	return nil
}

// restore makes the recorded files what they were.
func (s *Set) restore() error {
	record, err := s.record()
	if err != nil {
		return err
	}
	for _, o := range record {
		if o.isAbsentDir() {
			continue
		}
		if err := s.restoreOne(o); err != nil {
			return fmt.Errorf("restore %s: %w", o.Path, err)
		}
	}
	return nil
}

func (s *Set) restoreOne(o own) error {
	at := filepath.Join(s.Root, o.Path)
	if o.Missing {
		if info, err := os.Lstat(at); err == nil && info.IsDir() {
			return nil // the proof tells
		}
		return host.Remove(at)
	}
	if o.Mode&fs.ModeSymlink != 0 {
		if target, err := os.Readlink(at); err == nil && target == o.Link {
			return nil
		}
		if err := host.Remove(at); err != nil {
			return err
		}
		return os.Symlink(o.Link, at)
	}
	if o.Mode.IsDir() {
		if err := os.MkdirAll(at, o.Mode.Perm()); err != nil {
			return err
		}
	}
	if o.Saved != "" {
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		return host.CopyFile(filepath.Join(s.copies(), o.Saved), at)
	}
	if err := os.Lchown(at, o.UID, o.GID); err != nil {
		return err
	}
	return os.Chmod(at, o.Mode)
}
