package release_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/payload-scripts/internal/packages/rpmtest"
	"onerpm/payload-scripts/internal/release"
	"onerpm/payload-scripts/internal/rpm"
)

// configWorld has %config files that are content, none, and what must not be taken for one.
func configWorld(t *testing.T) (*rpmtest.World, *release.Bundle) {
	t.Helper()
	big := strings.Repeat("0123456789abcdef", 1<<16)
	w := rpmtest.New(t,
		[]rpmtest.Package{{Name: "app", Version: "1", Files: []rpmtest.File{
			{Path: "/etc/a.conf", Body: "a1\n", Config: true, Mode: 0o640, Owner: "cfyuser"}, {Path: "/etc/b.conf", Body: "b1\n", Replace: true},
			{Path: "/etc/link.conf", Link: "a.conf"}, {Path: "/etc/plain", Body: "p1\n"}, {Path: "/etc/was.conf", Body: "w\n", Config: true},
			{Path: "/opt/big", Body: big},
		}}, {Name: "absent", Version: "1", Optional: true, Files: []rpmtest.File{{Path: "/etc/absent.conf", Body: "x", Config: true}}}},
		[]rpmtest.Package{{Name: "app", Version: "2", Files: []rpmtest.File{
			{Path: "/etc/a.conf", Body: "", Config: true}, {Path: "/etc/new.conf", Body: "n\n", Replace: true},
			{Path: "/etc/plain", Body: "p2\n", Config: true}, {Path: "/etc/was.conf", Body: "w2\n"}, {Path: "/opt/big", Body: big + "2"},
		}}, {Name: "absent", Version: "2", Optional: true, Files: []rpmtest.File{{Path: "/etc/absent.conf", Body: "y", Config: true}}}})
	w.Install(t, "absent")
	return w, &release.Bundle{Manifest: w.Manifest, Dir: w.Dir, Had: []string{}}
}

func TestConfigFiles(t *testing.T) {
	t.Parallel()
	w, s := configWorld(t)
	configFiles(t, w, s)
}

// TestCompressedConfigFiles reads them before anything is rebuilt.
func TestCompressedConfigFiles(t *testing.T) {
	t.Parallel()
	w, s := configWorld(t)
	w.Compress(t)
	configFiles(t, w, s)
}

func TestContentOfADamagedStream(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"solid/app.zst", "rollback/app-1-1.noarch.rpm.head"} {
		w, s := configWorld(t)
		w.Compress(t)
		merged, _, err := s.ConfigFiles(owners(t, w))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(w.Dir, name)
		data, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, data[:20], 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Content(t.Context(), merged[0].Old); err == nil || !strings.Contains(err.Error(), "is damaged") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func configFiles(t *testing.T, w *rpmtest.World, s *release.Bundle) {
	t.Helper()
	merged, others, err := s.ConfigFiles(owners(t, w))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(others, " "); got != "/etc/absent.conf" {
		t.Errorf("left to rpm: %s", got)
	}
	want := map[string][2]string{"/etc/a.conf": {"a1\n", ""}, "/etc/b.conf": {"b1\n", "-"}, "/etc/new.conf": {"-", "n\n"}, "/etc/plain": {"p1\n", "p2\n"}, "/etc/was.conf": {"w\n", "w2\n"}}
	for _, f := range merged {
		for i, side := range []*release.Shipped{f.Old, f.New} {
			got := "-"
			if side != nil {
				data, err := s.Content(t.Context(), side)
				if err != nil {
					t.Error(err)
				}
				got = string(data)
			}
			if got != want[f.Path][i] {
				t.Errorf("%s: %q on side %d, want %q", f.Path, got, i, want[f.Path][i])
			}
		}
		if f.Path == "/etc/a.conf" && (!f.Old.NoReplace || f.Old.Mode != 0o640 || f.Old.UID != 991 || f.Old.User != "cfyuser") {
			t.Errorf("%+v", f.Old)
		}
		if f.Plain != (f.Path == "/etc/was.conf") {
			t.Errorf("%s: plain is %v", f.Path, f.Plain)
		}
		delete(want, f.Path)
	}
	if len(want) > 0 {
		t.Errorf("not merged: %v", want)
	}
}

func TestContentOfADamagedPackage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		harm func(path string, data []byte) error
		want string
	}{
		"another byte": {func(p string, data []byte) error { data[len(data)-9] ^= 1; return os.WriteFile(p, data, 0o600) }, "is damaged"},
		"cut off":      {func(p string, data []byte) error { return os.WriteFile(p, data[:len(data)-20], 0o600) }, "is damaged"},
		"gone":         {func(p string, _ []byte) error { return os.Remove(p) }, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, s := configWorld(t)
			merged, _, err := s.ConfigFiles(owners(t, w))
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(w.Dir, "rollback/app-1-1.noarch.rpm")
			data, err := os.ReadFile(path)
			if err == nil {
				err = c.harm(path, data)
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Content(t.Context(), merged[0].Old); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			// Not even a manifest that says so makes the content right.
			for i := range s.Manifest.Files {
				if data, err := os.ReadFile(filepath.Join(w.Dir, s.Manifest.Files[i].Path)); err == nil {
					s.Manifest.Files[i].SHA256 = fmt.Sprintf("%x", sha256.Sum256(data))
				}
			}
			if data, err := s.Content(t.Context(), merged[0].Old); err == nil && string(data) != "a1\n" {
				t.Errorf("got %q", data)
			}
		})
	}
}

// owners are those that the host knows.
func owners(t *testing.T, w *rpmtest.World) *rpm.Owners {
	t.Helper()
	h := rpm.Host{Root: w.Root}
	who, err := h.Owners()
	if err != nil {
		t.Fatal(err)
	}
	return who
}
