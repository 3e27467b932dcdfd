package files

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/config"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/paths"
)

// prepare records configuration and merges it, keeping what still holds.
// For the seal, in the window, what does not change is kept from before.
func (s *Set) prepare(ctx context.Context, seal bool) error {
	known, err := s.knownIndex()
	if err != nil {
		return err
	}
	if known.Sealed {
		return ErrChanged
	}
	if err := os.MkdirAll(s.backup, 0o700); err != nil {
		return err
	}
	if seal { // services are stopped now: what they had mounted in their state is not part of it
		err = s.awaitMounts(ctx, known, false, 0)
	} else { // of a run that was stopped, by a boot perhaps
		err = s.awaitMounts(ctx, known, true, mountWait)
	}
	if err != nil {
		return err
	}
	rec, err := s.paths().Recorder()
	if err != nil {
		return err
	}
	x := &index{State: known.State}
	before := map[string]*record{}
	for _, r := range known.Config {
		before[string(r.Target)] = r
	}
	add := func(target string, record func(before *record) (*record, error)) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := rec.Add(target, false); err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
		r, err := record(before[target])
		if err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
		x.Config = append(x.Config, r)
		return nil
	}
	for _, c := range s.m.Config {
		if c.InPackage() {
			continue
		}
		if err := add(c.Target, func(before *record) (*record, error) { return s.record(c, before) }); err != nil {
			return err
		}
	}
	for _, p := range s.Packaged {
		if err := add(p.Target, func(before *record) (*record, error) { return s.recordPackaged(ctx, p, before) }); err != nil {
			return err
		}
		if err := s.recordLitter(x, rec, x.Config[len(x.Config)-1]); err != nil {
			return fmt.Errorf("%s: %w", p.Target, err)
		}
	}
	if err := s.recordExtra(x, rec); err != nil {
		return err
	}
	for _, path := range s.m.State {
		if _, err := rec.Add(path, true); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if seal {
		rec.Keep(&known.Record)
	} else if err := rec.AddFileSystems(s.Others); err != nil {
		return err
	}
	x.Record = rec.Record
	return s.store(x)
}

// record saves one configuration file and its merged form.
func (s *Set) record(c manifest.Config, before *record) (*record, error) {
	return s.recordMerged(&record{Target: host.Name(c.Target)}, before,
		func(mine []byte, drawn map[string]string) (config.Result, error) { return s.merge(c, mine, drawn) },
		func(r *record) error { return r.attributes(c) })
}

// merging merges the host's file, nil for none. drawn is config.Input's; nil for a merge that is not kept.
type merging func(mine []byte, drawn map[string]string) (config.Result, error)

// recordMerged fills r: with the host's file, and with what merge makes of it,
// which gets its attributes by give. What was recorded before is kept when the
// host's file is still the same.
func (s *Set) recordMerged(r, before *record, merge merging, give func(*record) error) (*record, error) {
	target := string(r.Target)
	now, err := s.inspect(target)
	if err != nil {
		return nil, err
	}
	if before != nil && string(before.Real) == now.real && sameFile(before.Old, now.file) {
		before.Litter = s.rpmLeftovers(target)
		return before, nil
	}
	r.Drawn = map[string]string{}
	if before != nil {
		maps.Copy(r.Drawn, before.Drawn)
	}
	result, err := merge(now.data, r.Drawn)
	if err != nil {
		return nil, err
	}
	if n := len(result.Conflicts); n > 0 {
		return nil, fmt.Errorf("%d values were changed both by the new release and on this host; %s check shows them", n, s.m.Prefix)
	}
	r.Real, r.Old, r.Changes, r.Litter = host.Name(now.real), now.file, result.Changes, s.rpmLeftovers(target)
	if now.file != nil {
		if err := s.keep("old", target, now.data); err != nil {
			return nil, err
		}
	}
	if result.Gone {
		return r, nil
	}
	r.New = &file{SHA256: digest(result.Out), Size: int64(len(result.Out)), Mode: 0o644}
	if err := give(r); err != nil {
		return nil, err
	}
	return r, s.keep("new", target, result.Out)
}

// attributes gives the merged file those of the host's, or those of the spec.
func (r *record) attributes(c manifest.Config) error {
	if r.Old != nil {
		r.New.Mode, r.New.UID, r.New.GID = r.Old.Mode, r.Old.UID, r.Old.GID
		return nil
	}
	r.Owner, r.Group = c.Owner, c.Group
	if c.Mode == "" {
		return nil
	}
	mode, err := strconv.ParseUint(c.Mode, 8, 32)
	if err != nil || mode > 0o7777 {
		return fmt.Errorf("mode %q is not octal", c.Mode)
	}
	r.New.Mode = uint32(mode)
	return nil
}

func (s *Set) recordExtra(x *index, rec *paths.Recorder) error {
	taken := map[string]bool{}
	for _, r := range x.Config {
		taken[string(r.Target)] = true
	}
	for _, target := range s.Extra {
		if taken[target] {
			continue
		}
		taken[target] = true
		now, err := s.inspect(target)
		if errors.Is(err, errNotRegular) { // nothing that has content to lose
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
		if _, err := rec.Add(target, false); err != nil {
			return err
		}
		x.Config = append(x.Config, &record{Target: host.Name(target), Real: host.Name(now.real), Old: now.file, Extra: true, Litter: s.rpmLeftovers(target)})
		if now.file != nil {
			if err := s.keep("old", target, now.data); err != nil {
				return err
			}
		}
	}
	return nil
}

// keep writes a file's content into the backup folder.
func (s *Set) keep(side, target string, data []byte) error {
	path := s.saved("config", side, target)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return host.WriteFile(path, data, host.Attr{Mode: 0o600})
}

// kept reads what keep wrote, and checks it.
func (s *Set) kept(side, target string, f *file) ([]byte, error) {
	data, err := host.ReadFile(s.saved("config", side, target), maxConfig)
	if err != nil {
		return nil, err
	}
	if digest(data) != f.SHA256 {
		return nil, fmt.Errorf("%s is damaged", s.saved("config", side, target))
	}
	return data, nil
}

// merge merges what the bundle has of c with the host's file, nil for none.
func (s *Set) merge(c manifest.Config, mine []byte, drawn map[string]string) (config.Result, error) {
	base, err := s.bundled(c.Old)
	if err != nil {
		return config.Result{}, err
	}
	theirs, err := s.bundled(c.New)
	if err != nil {
		return config.Result{}, err
	}
	return config.Merge(config.Input{
		Format: c.Format, Base: base, Theirs: theirs, Mine: mine,
		Set: c.Set, Policy: c.Policy, Decided: s.decided(c.Target), Random: rand.Reader, Drawn: drawn,
	})
}

// bundled reads a file of the bundle and checks it against the manifest; "" is none.
func (s *Set) bundled(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	data, err := host.ReadFile(filepath.Join(s.bundle, path), config.MaxSize)
	if err != nil {
		return nil, fmt.Errorf("read the bundle: %w", err)
	}
	for _, f := range s.m.Files {
		if f.Path == path {
			if f.SHA256 != digest(data) {
				return nil, fmt.Errorf("the bundle is damaged: %s is not as its manifest says", path)
			}
			return data, nil
		}
	}
	return nil, fmt.Errorf("the bundle is damaged: its manifest does not list %s", path)
}

// sight is a configuration file of the host as it is now.
type sight struct {
	real string
	file *file // nil: not there
	data []byte
}

// maxConfig bounds a file that is recorded, in bytes.
const maxConfig = 16 << 20

var errNotRegular = errors.New("it is no regular file")

func (s *Set) inspect(target string) (sight, error) {
	real, _, err := s.paths().Resolve(target)
	if err != nil {
		return sight{}, err
	}
	now := sight{real: real}
	n, err := host.OpenPath(real)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return now, nil
	}
	if err != nil {
		return now, err
	}
	defer n.Close()
	if n.Stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return now, errNotRegular
	}
	if now.data, err = n.Read(maxConfig); err != nil {
		return now, err
	}
	xattrs, err := n.Xattrs()
	if err != nil {
		return now, err
	}
	now.file = &file{
		SHA256: digest(now.data), Size: int64(len(now.data)), Mode: n.Stat.Mode & 0o7777,
		UID: int(n.Stat.Uid), GID: int(n.Stat.Gid), MTime: n.Stat.Mtim.Nano(), Xattrs: xattrs,
	}
	return now, nil
}

func sameFile(a, b *file) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.SHA256 == b.SHA256 && a.Mode == b.Mode && a.UID == b.UID && a.GID == b.GID && a.MTime == b.MTime && host.SameXattrs(a.Xattrs, b.Xattrs)
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// rpmSuffixes are what rpm appends to names of configuration files it did not dare to replace.
var rpmSuffixes = []string{".rpmnew", ".rpmsave", ".rpmorig"}

// rpmLeftovers returns what rpm left beside a file: by its own name, wherever that leads.
func (s *Set) rpmLeftovers(target string) []host.Name {
	var found []host.Name
	for _, end := range rpmSuffixes {
		if _, err := os.Lstat(s.onHost(target) + end); err == nil {
			found = append(found, host.Name(filepath.Base(target)+end))
		}
	}
	return found
}

// newRPMLeftovers returns the paths of what rpm left beside a file since it was recorded.
func (s *Set) newRPMLeftovers(r *record) []string {
	var found []string
	for _, name := range s.rpmLeftovers(string(r.Target)) {
		if !slices.Contains(r.Litter, name) {
			found = append(found, filepath.Join(filepath.Dir(string(r.Target)), string(name)))
		}
	}
	return found
}
