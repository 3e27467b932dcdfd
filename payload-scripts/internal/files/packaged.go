package files

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/config"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/paths"
)

// Packaged is a %config file of the product's packages. rpm puts it on the host
// in its own way, beside which it may leave another one (.rpmnew, .rpmsave); after
// it, Converge makes the file what the merge says and takes that away.
type Packaged struct {
	manifest.Config          // target, format, set and policy
	Old, New        *Shipped // nil: that side's packages do not have it
	Plain           bool     // on the new side the file is the package's, and no configuration
}

// Shipped is the file as the packages of one side have it.
type Shipped struct {
	Package     string // its name
	Mark        string // %config or %config(noreplace)
	Mode        uint32 // permission bits with setuid, setgid and sticky
	UID, GID    int    // as the host knows the owner now
	User, Group string // the owner's names, who may come with the package
	Content     func(context.Context) ([]byte, error)
}

// attrs reports whether a file of the host has the attributes that the package gave it.
func (p *Shipped) attrs(f *file) bool {
	return p != nil && f.Mode == p.Mode && f.UID == p.UID && f.GID == p.GID
}

// whose names the package and its mark, for people.
func (p Packaged) whose() string {
	from := p.New
	if from == nil || p.Plain {
		from = p.Old
	}
	return from.Mark + " of " + from.Package
}

// mergePackaged merges what the two packages have with the host's file, nil for none.
func (s *Set) mergePackaged(ctx context.Context, p Packaged, mine []byte, drawn map[string]string) (config.Result, error) {
	in := config.Input{Format: p.Format, Mine: mine, Set: p.Set, Policy: p.Policy, Decided: s.decided(p.Target), Random: rand.Reader, Drawn: drawn}
	for side, data := range map[*Shipped]*[]byte{p.Old: &in.Base, p.New: &in.Theirs} {
		if side == nil {
			continue
		}
		var err error
		if *data, err = side.Content(ctx); err != nil {
			return config.Result{}, err
		}
	}
	if p.Plain {
		return config.Result{Out: in.Theirs, Changes: replaced(in.Base, mine, in.Theirs)}, nil
	}
	return config.MergePackaged(in)
}

// replaced tells of a file that becomes the package's, what the host had in it.
func replaced(base, mine, theirs []byte) []config.Change {
	c := config.Change{Kind: config.Changed, By: config.ByRelease, From: config.TheFile, To: "(the file, no configuration any more)"}
	switch {
	case bytes.Equal(mine, theirs) && mine != nil:
		return nil
	case mine != nil && !bytes.Equal(mine, base):
		c.From = config.EditedFile
	}
	return []config.Change{c}
}

// recordPackaged is record for a %config file of the packages.
func (s *Set) recordPackaged(ctx context.Context, p Packaged, before *record) (*record, error) {
	return s.recordMerged(&record{Target: host.Name(p.Target), Package: p.whose()}, before,
		func(mine []byte, drawn map[string]string) (config.Result, error) {
			return s.mergePackaged(ctx, p, mine, drawn)
		},
		func(r *record) error { r.packaged(p); return nil })
}

// packaged gives the merged file the attributes of the new package's, unless an
// admin gave the old one others.
func (r *record) packaged(p Packaged) {
	switch {
	case p.New != nil && (r.Old == nil || p.Plain || p.Old.attrs(r.Old)):
		r.New.Mode, r.Owner, r.Group = p.New.Mode, p.New.User, p.New.Group
	case r.Old != nil:
		r.New.Mode, r.New.UID, r.New.GID = r.Old.Mode, r.Old.UID, r.Old.GID
	}
}

// recordLitter saves what an earlier update left beside a %config file, over which
// rpm may write: it stays as it is on both sides.
func (s *Set) recordLitter(x *index, rec *paths.Recorder, r *record) error {
	for _, name := range r.Litter {
		target := filepath.Join(filepath.Dir(string(r.Target)), string(name))
		if info, err := os.Lstat(s.onHost(target)); err != nil || !info.Mode().IsRegular() {
			continue
		}
		now, err := s.inspect(target)
		if err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
		if _, err := rec.Add(target, false); err != nil {
			return err
		}
		x.Config = append(x.Config, &record{Target: host.Name(target), Real: host.Name(now.real), Old: now.file, Stays: true})
		if now.file != nil {
			if err := s.keep("old", target, now.data); err != nil {
				return err
			}
		}
	}
	return nil
}

// putLinkBack makes the link again that the host had in a %config file's place,
// and that rpm replaced.
func (s *Set) putLinkBack(x *index, r *record) error {
	target := string(r.Target)
	dir, _, err := s.paths().Resolve(filepath.Dir(target)) // its folder may lie behind a link too
	if err != nil {
		return err
	}
	at := host.Name(filepath.Join(dir, filepath.Base(target)))
	for _, l := range x.Links {
		if l.Path == at {
			return paths.RestoreLink(l, false)
		}
	}
	return nil
}

// wantsBoth says what the record must be on the new side, and whether that counts.
func (r *record) wantsBoth() (f *file, counts bool, err error) {
	if r.Stays {
		return r.Old, true, nil
	}
	f, err = r.wanted()
	return f, !r.Extra, err
}
