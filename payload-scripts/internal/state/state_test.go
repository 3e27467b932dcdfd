package state

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/paths"
)

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newSet is the state of a product with two paths, one of which is not there.
func newSet(t *testing.T) *Set {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	ok(t, err)
	ok(t, os.MkdirAll(root+"/opt/app/data", 0o755))
	ok(t, os.WriteFile(root+"/opt/app/data/x", []byte("x"), 0o640))
	ok(t, os.MkdirAll(root+"/backup", 0o700))
	return &Set{Paths: []string{"/opt/app/data", "/srv/lacks"}, Host: paths.Host(root), Folder: root + "/backup/state"}
}

// record is the way to all paths.
func (s *Set) record(t *testing.T) *paths.Record {
	t.Helper()
	r, err := s.Host.Recorder()
	ok(t, err)
	for _, p := range s.Paths {
		_, err := r.Add(p, true)
		ok(t, err)
	}
	return &r.Record
}

func TestThereAndBack(t *testing.T) {
	t.Parallel()
	s, ctx := newSet(t), context.Background()
	told := map[string]bool{}
	s.Progress = func(path string, _ int64) { told[path] = true }
	way := s.record(t)
	ok(t, s.Sync())
	_, err := s.Save(ctx, true)
	ok(t, err)
	saved, err := s.Save(ctx, false)
	if err != nil || len(saved) != 2 || saved[0] != (Path{"/opt/app/data", host.Name(s.Host.At("/opt/app/data"))}) || !told["x"] {
		t.Fatal(saved, err, told)
	}
	ok(t, os.RemoveAll(s.Host.At("/opt")))
	ok(t, os.MkdirAll(s.Host.At("/srv/lacks/new"), 0o755))
	for range 2 {
		wrong, err := s.Restore(ctx, way, saved)
		if err != nil || len(wrong) > 0 {
			t.Error(wrong, err)
		}
	}
	if data, err := os.ReadFile(s.Host.At("/opt/app/data/x")); err != nil || string(data) != "x" {
		t.Errorf("%q %v", data, err)
	}
	if _, err := os.Lstat(s.Host.At("/srv/lacks")); !os.IsNotExist(err) {
		t.Error("what was not there is there", err)
	}
	if !s.Has(s.Host.At("/srv/lacks")) || s.Has("/srv/lacks") || s.Has(s.Host.At("/srv")) {
		t.Error("Has knows other paths")
	}
}

// TestRestoreElsewhere: a path that leads elsewhere now is not restored there.
func TestRestoreElsewhere(t *testing.T) {
	t.Parallel()
	s, ctx := newSet(t), context.Background()
	way := s.record(t)
	saved, err := s.Save(ctx, false)
	ok(t, err)
	ok(t, os.Rename(s.Host.At("/opt/app/data"), s.Host.At("/opt/app/moved")))
	ok(t, os.WriteFile(s.Host.At("/opt/app/moved/x"), []byte("another's"), 0o640))
	ok(t, os.Symlink("moved", s.Host.At("/opt/app/data")))
	if _, err := s.Restore(ctx, way, saved); err == nil || !strings.Contains(err.Error(), "/opt/app/data: it leads to") {
		t.Error(err)
	}
	if data, _ := os.ReadFile(s.Host.At("/opt/app/moved/x")); string(data) != "another's" {
		t.Errorf("%q", data)
	}
	ok(t, os.Lchown(s.Host.At("/opt/app/data"), 5, 5))
	if _, err := s.Restore(ctx, way, saved); !errors.As(err, new(*host.LinkError)) {
		t.Error(err)
	}
}

// TestDamage: the error or the proof names what is not as it was.
func TestDamage(t *testing.T) {
	t.Parallel()
	s, ctx := newSet(t), context.Background()
	way := s.record(t)
	saved, err := s.Save(ctx, false)
	ok(t, err)
	ok(t, os.WriteFile(s.Folder+"/0/x", []byte("y"), 0o640)) // the copy, not by us
	ok(t, os.Remove(s.Host.At("/opt/app/data/x")))
	if wrong, err := s.Restore(ctx, way, saved); err != nil || len(wrong) != 1 || wrong[0] != "/opt/app/data/x" {
		t.Error(wrong, err)
	}
	ok(t, os.Remove(s.Folder+"/0.index"))
	if _, err := s.Restore(ctx, way, saved); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "/opt/app/data: ") {
		t.Error(err)
	}
}

func TestWhatCannotBeSaved(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		harm    func(s *Set) error
		error   string
		finding string // "" when only the save can tell
	}{
		"the backup lies in it": {func(s *Set) error { s.Paths[0] = "/"; return nil }, "lie in one another", ""},
		"it lies in the backup": {func(s *Set) error { s.Paths[0] = "/backup/state/x"; return nil }, "lie in one another", ""},
		"another's link":        {func(s *Set) error { return link(s, "/opt/app/data", "/opt/app/moved", 5) }, "does not belong to root", "state-link"},
		"a link to nowhere": {func(s *Set) error {
			return errors.Join(os.RemoveAll(s.Host.At("/opt/app/data")), os.Symlink("data", s.Host.At("/opt/app/data")))
		}, "more than 40 links", "state-unreadable"},
		"a link in their folder": {func(s *Set) error {
			return errors.Join(link(s, "/opt/app/data", "/opt/app/moved", 0), os.Chown(s.Host.At("/opt/app"), 5, 5))
		}, "others than root may change", "state-link"},
		"too deep": {func(s *Set) error { return os.MkdirAll(s.Host.At("/opt/app/data"+strings.Repeat("/d", 201)), 0o755) }, "nest deeper", "state-unreadable"},
		"no room": {func(s *Set) error {
			return errors.Join(unix.Mount("tmpfs", filepath.Dir(s.Folder), "tmpfs", 0, "size=64k"), os.WriteFile(s.Host.At("/opt/app/data/big"), make([]byte, 1<<20), 0o600))
		}, "no space left", "no-room"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSet(t)
			t.Cleanup(func() { _ = unix.Unmount(filepath.Dir(s.Folder), unix.MNT_DETACH) })
			ok(t, c.harm(s))
			ids := ""
			for _, f := range s.Findings(context.Background(), s.Folder) {
				ids += f.ID
				if f.Do == "" || f.What == "" {
					t.Errorf("%+v", f)
				}
			}
			if ids != c.finding {
				t.Errorf("found %q, want %q", ids, c.finding)
			}
			if _, err := s.Save(context.Background(), false); err == nil || !strings.Contains(err.Error(), c.error) {
				t.Errorf("%v, want %s", err, c.error)
			}
		})
	}
}

// link moves a path and puts a link of a user's in its place.
func link(s *Set, from, to string, uid int) error {
	return errors.Join(os.Rename(s.Host.At(from), s.Host.At(to)), os.Symlink(s.Host.At(to), s.Host.At(from)), os.Lchown(s.Host.At(from), uid, uid))
}

// TestRoomIsAskedForOnce: what is saved already is not copied again.
func TestRoomIsAskedForOnce(t *testing.T) {
	t.Parallel()
	s, ctx := newSet(t), context.Background()
	ok(t, os.WriteFile(s.Host.At("/opt/app/data/big"), make([]byte, 1<<20), 0o600))
	disk := filepath.Dir(s.Folder)
	ok(t, unix.Mount("tmpfs", disk, "tmpfs", 0, "size=70m")) // 64 MiB are left free beside the copies
	t.Cleanup(func() { _ = unix.Unmount(disk, unix.MNT_DETACH) })
	_, err := s.Save(ctx, true)
	ok(t, err)
	ok(t, os.WriteFile(disk+"/other", make([]byte, 5<<20), 0o600))
	if found := s.Findings(ctx, s.Folder); len(found) > 0 {
		t.Error(found)
	}
	ok(t, os.RemoveAll(s.Folder))
	ok(t, os.WriteFile(disk+"/more", make([]byte, 1<<20), 0o600))
	if found := s.Findings(ctx, s.Folder); len(found) != 1 || found[0].ID != "no-room" || !strings.Contains(found[0].Do, "free ") {
		t.Error(found)
	}
}
