package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/programs"
)

// toNew writes the merged files and removes those that the new release does not have.
func (s *Set) toNew(ctx context.Context, x *index) error {
	for _, r := range x.Config {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.writeNew(x, r); err != nil {
			return fmt.Errorf("%s: %w", r.Target, err)
		}
	}
	if err := s.sweepTemporaries(x); err != nil {
		return err
	}
	return s.proveConfig(x, (*record).wantsBoth)
}

// writeNew makes one file as the new side has it, and takes away what rpm left beside it.
func (s *Set) writeNew(x *index, r *record) error {
	switch {
	case r.Stays:
		return s.write(x, r, "old", r.Old)
	case r.Extra:
		return s.sweep(r)
	case r.Package != "":
		if err := s.putLinkBack(x, r); err != nil {
			return err
		}
	}
	want, err := r.wanted()
	if err == nil {
		err = s.write(x, r, "new", want)
	}
	if err == nil {
		err = s.sweep(r)
	}
	return err
}

// wanted is the new side with the owner of a new file looked up.
func (r *record) wanted() (*file, error) {
	if r.New == nil || r.Old != nil && r.Owner == "" {
		return r.New, nil
	}
	f := *r.New
	if r.Package != "" { // to rpm, a name that the host does not know is root
		f.UID, _ = lookup(r.Owner, userID)
		f.GID, _ = lookup(r.Group, groupID)
		return &f, nil
	}
	var err error
	if f.UID, err = lookup(r.Owner, userID); err != nil {
		return nil, fmt.Errorf("owner %s: %w", r.Owner, err)
	}
	if f.GID, err = lookup(r.Group, groupID); err != nil {
		return nil, fmt.Errorf("group %s: %w", r.Group, err)
	}
	return &f, nil
}

func userID(name string) (string, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return "", err
	}
	return u.Uid, nil
}

func groupID(name string) (string, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return "", err
	}
	return g.Gid, nil
}

func lookup(name string, find func(string) (string, error)) (int, error) {
	if name == "" {
		return 0, nil
	}
	if id, err := strconv.Atoi(name); err == nil && id >= 0 {
		return id, nil
	}
	id, err := find(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(id)
}

// toOld restores configuration, then the state paths: those set the times of
// folders that both may lie in.
func (s *Set) toOld(ctx context.Context, x *index) error {
	if err := s.paths().RestoreLinks(&x.Record, s.state().Has); err != nil {
		return err
	}
	for _, r := range x.Config {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.write(x, r, "old", r.Old); err != nil {
			return fmt.Errorf("%s: %w", r.Target, err)
		}
		if err := s.sweep(r); err != nil {
			return err
		}
	}
	if err := s.sweepTemporaries(x); err != nil {
		return err
	}
	wrong, err := s.state().Restore(ctx, &x.Record, x.State)
	if err == nil {
		err = differ(wrong)
	}
	if err != nil {
		return err
	}
	if err := s.paths().DropFolders(&x.Record); err != nil {
		return err
	}
	if err := s.paths().RestoreTimes(&x.Record); err != nil {
		return err
	}
	return s.proveConfig(x, func(r *record) (*file, bool, error) { return r.Old, true, nil })
}

// write makes one configuration file as a side has it, if it is not so already.
func (s *Set) write(x *index, r *record, side string, want *file) error {
	target, real := string(r.Target), string(r.Real)
	s.reportProgress(target, 0)
	if err := s.paths().StillLeads(target, real); err != nil {
		return err
	}
	if is, err := s.matches(real, want, side == "old"); err != nil || is {
		return err
	}
	if want == nil {
		return host.Remove(real)
	}
	data, err := s.kept(side, target, want)
	if err != nil {
		return err
	}
	if err := s.paths().MakeFolders(&x.Record, filepath.Dir(target)); err != nil {
		return err
	}
	if err := removeNonRegular(real); err != nil {
		return err
	}
	switch {
	case side == "old":
		return host.WriteExact(real, data, host.File{Attr: want.attr(), Xattrs: want.Xattrs, MTime: unix.NsecToTimespec(want.MTime)})
	case r.Old != nil:
		return host.WriteExact(real, data, host.File{Attr: want.attr(), Xattrs: r.Old.Xattrs, MTime: unix.NsecToTimespec(time.Now().UnixNano())})
	}
	if err := host.WriteFile(real, data, want.attr()); err != nil {
		return err
	}
	return s.label(real)
}

// removeNonRegular removes from a configuration file's place what is not a regular file: a
// link, or a folder; one that something is in stays and is an error.
func removeNonRegular(real string) error {
	n, err := host.OpenPath(real)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	n.Close()
	if n.Stat.Mode&unix.S_IFMT == unix.S_IFREG {
		return nil
	}
	return host.Remove(real)
}

// matches reports whether a file has content and attributes of a side; the old one has
// its times and extended attributes too.
func (s *Set) matches(real string, want *file, exact bool) (bool, error) {
	n, err := host.OpenPath(real)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return want == nil, nil
	}
	if err != nil {
		return false, err
	}
	defer n.Close()
	if want == nil {
		return false, nil
	}
	st := n.Stat
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size != want.Size || st.Mode&0o7777 != want.Mode || int(st.Uid) != want.UID || int(st.Gid) != want.GID {
		return false, nil
	}
	if exact {
		xattrs, err := n.Xattrs()
		if err != nil || st.Mtim.Nano() != want.MTime || !host.SameXattrs(xattrs, want.Xattrs) {
			return false, err
		}
	}
	data, err := n.Read(maxConfig)
	return err == nil && digest(data) == want.SHA256, err
}

// proveConfig names every file that is not as it should be.
func (s *Set) proveConfig(x *index, want func(*record) (*file, bool, error)) error {
	var wrong []string
	for _, r := range x.Config {
		f, counts, err := want(r)
		if err != nil {
			return err
		}
		if !counts {
			continue
		}
		if is, err := s.matches(string(r.Real), f, f == r.Old && f != nil); err != nil {
			return err
		} else if !is {
			wrong = append(wrong, string(r.Target))
		}
	}
	return differ(wrong)
}

// maxNamed bounds the list of an error.
const maxNamed = 20

func differ(wrong []string) error {
	if len(wrong) == 0 {
		return nil
	}
	sort.Strings(wrong)
	more := ""
	if len(wrong) > maxNamed {
		more = fmt.Sprintf(" and %d more", len(wrong)-maxNamed)
		wrong = wrong[:maxNamed]
	}
	return &DifferError{Paths: wrong, more: more}
}

// DifferError is a side that was not reached.
type DifferError struct {
	Paths []string // the first of those that are not as they should be
	more  string
}

func (e *DifferError) Error() string {
	return "not as they should be: " + strings.Join(e.Paths, ", ") + e.more
}

// sweep removes what rpm left beside a configuration file since it was recorded.
func (s *Set) sweep(r *record) error {
	for _, path := range s.newRPMLeftovers(r) {
		if err := host.Remove(s.onHost(path)); err != nil {
			return err
		}
	}
	return nil
}

// sweepTemporaries removes the files that host.WriteFile was filling when the
// engine was killed.
func (s *Set) sweepTemporaries(x *index) error {
	for _, r := range x.Config {
		if err := host.Sweep(string(r.Real)); err != nil {
			return err
		}
	}
	return nil
}

// Leftovers returns the .rpmnew, .rpmsave and .rpmorig files that rpm left beside
// configuration files since Prepare, for the report.
func (s *Set) Leftovers() ([]string, error) {
	x, err := s.loadIndex()
	if err != nil {
		return nil, err
	}
	var found []string
	for _, r := range x.Config {
		found = append(found, s.newRPMLeftovers(r)...)
	}
	sort.Strings(found)
	return found, nil
}

// label gives a new file the SELinux label of its place, where there is SELinux.
func (s *Set) label(path string) error {
	if _, err := os.Stat("/sys/fs/selinux/enforce"); err != nil || !programs.Exists("restorecon") {
		return nil //nolint:nilerr // no SELinux
	}
	_, err := programs.Run(context.Background(), programs.Cmd{Name: "restorecon", Args: []string{"-F", "--", path}, Timeout: time.Minute})
	return err
}
