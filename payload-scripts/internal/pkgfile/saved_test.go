package pkgfile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

// newSaved is a record for a host.
func newSaved(t *testing.T, root string) Saved {
	t.Helper()
	return Saved{Var: t.TempDir(), Root: root}
}

func save(t *testing.T, s Saved, want map[string]Want, others ...string) string {
	t.Helper()
	paths, err := s.Save(t.Context(), want, others, others)
	must(t, err)
	return strings.Join(paths, " ")
}

// TestThereAndBack lets an upgrade do to a host's own file what rpm does, and wants it
// back exactly as it was.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	replace := func(path, body string) func(*testing.T, string) {
		return func(t *testing.T, r string) {
			must(t, os.RemoveAll(r+path))
			write(t, r, path, body)
		}
	}
	for name, c := range map[string]struct {
		host   func(t *testing.T, root string)
		want   []Want
		others []string
		noted  string
		rpm    func(t *testing.T, root string) // what the upgrade and rpm's way back leave
	}{
		"nothing is its own": {
			host: func(t *testing.T, r string) { write(t, r, "/opt/a", "old") },
			want: []Want{file("/opt/a", "old")}, rpm: func(*testing.T, string) {},
		},
		"content": {
			host: func(t *testing.T, r string) {
				write(t, r, "/opt/a", "mine")
				must(t, os.Chmod(r+"/opt/a", 0o711|os.ModeSetuid|os.ModeSetgid))
				must(t, os.Chtimes(r+"/opt/a", t0, t0))
			},
			want: []Want{file("/opt/a", "old")}, noted: "/opt/a", rpm: replace("/opt/a", "old"),
		},
		"content that rpm removes with its folder": {
			host: func(t *testing.T, r string) { write(t, r, "/opt/x/y/a", "mine") },
			want: []Want{file("/opt/x/y/a", "old")}, noted: "/opt/x/y/a",
			rpm: func(t *testing.T, r string) {
				must(t, os.Remove(r+"/opt/x/y/a"))
			},
		},
		"mode and owner": {
			host: func(t *testing.T, r string) {
				write(t, r, "/opt/a", "old")
				must(t, os.Chown(r+"/opt/a", user, 5))
				must(t, os.Chmod(r+"/opt/a", 0o750|os.ModeSetuid))
				must(t, os.Chtimes(r+"/opt/a", t0, t0))
			},
			want: []Want{file("/opt/a", "old")}, noted: "/opt/a", rpm: replace("/opt/a", "old"),
		},
		"capability and ACL of a file that is the package's": {
			host: func(t *testing.T, r string) {
				write(t, r, "/opt/a", "old")
				must(t, os.Chmod(r+"/opt/a", 0o755))
				setXattr(t, r+"/opt/a", capabilityName, capability)
				setXattr(t, r+"/opt/a", aclName, acl)
				setXattr(t, r+"/opt/a", "user.note", []byte("mine\x00\xff"))
				must(t, os.Chtimes(r+"/opt/a", t0, t0))
			},
			want: []Want{with755(file("/opt/a", "old"))}, noted: "/opt/a",
			rpm: func(t *testing.T, r string) { replace("/opt/a", "old")(t, r); must(t, os.Chmod(r+"/opt/a", 0o755)) },
		},
		"capability of a changed file": {
			host: func(t *testing.T, r string) {
				write(t, r, "/opt/a", "mine")
				setXattr(t, r+"/opt/a", capabilityName, capability)
			},
			want: []Want{file("/opt/a", "old")}, noted: "/opt/a", rpm: replace("/opt/a", "old"),
		},
		"a capability that the package gives and the admin took": {
			host: func(t *testing.T, r string) { write(t, r, "/opt/a", "old"); must(t, os.Chtimes(r+"/opt/a", t0, t0)) },
			want: []Want{withCaps(file("/opt/a", "old"))}, noted: "/opt/a",
			rpm: func(t *testing.T, r string) {
				replace("/opt/a", "old")(t, r)
				setXattr(t, r+"/opt/a", capabilityName, capability)
			},
		},
		"ACL of a folder": {
			host: func(t *testing.T, r string) {
				write(t, r, "/opt/d/a", "old")
				must(t, os.Chtimes(r+"/opt/d/a", t0, t0))
				setXattr(t, r+"/opt/d", aclName, acl)
				setXattr(t, r+"/opt/d", "system.posix_acl_default", acl)
			},
			want: []Want{dir("/opt/d")}, noted: "/opt/d",
			rpm: func(t *testing.T, r string) {
				must(t, os.RemoveAll(r+"/opt/d"))
				must(t, os.Mkdir(r+"/opt/d", 0o755))
				write(t, r, "/opt/d/a", "old")
				must(t, os.Chtimes(r+"/opt/d/a", t0, t0))
			},
		},
		"a link's target and owner": {
			host: func(t *testing.T, r string) {
				symlink(t, r, "/opt/l", "mine")
				must(t, os.Lchown(r+"/opt/l", user, user))
			},
			want: []Want{link("/opt/l", "old")}, noted: "/opt/l",
			rpm: func(t *testing.T, r string) { must(t, os.Remove(r+"/opt/l")); symlink(t, r, "/opt/l", "old") },
		},
		"only a link's owner": {
			host: func(t *testing.T, r string) {
				symlink(t, r, "/opt/l", "old")
				must(t, os.Lchown(r+"/opt/l", user, user))
			},
			want: []Want{link("/opt/l", "old")}, noted: "/opt/l",
			rpm: func(t *testing.T, r string) { must(t, os.Lchown(r+"/opt/l", 0, 0)) },
		},
		"a file where the package has a link": {
			host: func(t *testing.T, r string) { write(t, r, "/opt/l", "mine") },
			want: []Want{link("/opt/l", "old")}, noted: "/opt/l",
			rpm: func(t *testing.T, r string) { must(t, os.Remove(r+"/opt/l")); symlink(t, r, "/opt/l", "old") },
		},
		"a removed file, and a removed link": {
			host: func(t *testing.T, r string) { must(t, os.Mkdir(r+"/opt", 0o755)) },
			want: []Want{file("/opt/a", "old"), link("/opt/l", "old")}, noted: "/opt/a /opt/l",
			rpm: func(t *testing.T, r string) { write(t, r, "/opt/a", "old"); symlink(t, r, "/opt/l", "old") },
		},
		"nobody's file where the new release has one": {
			host: func(t *testing.T, r string) { write(t, r, "/opt/new", "the admin's") }, others: []string{"/opt/new", "/opt/nothing"},
			noted: "/opt/new", rpm: replace("/opt/new", "the new release's"),
		},
		"a folder that rpm makes and leaves": {
			host: func(t *testing.T, r string) { must(t, os.Mkdir(r+"/opt", 0o755)) }, others: []string{"/opt/x/y/z"},
			rpm: func(t *testing.T, r string) { must(t, os.MkdirAll(r+"/opt/x/y", 0o755)) },
		},
		"a folder behind root's link": {
			host: func(t *testing.T, r string) {
				write(t, r, "/data/d/a", "old")
				must(t, os.Chown(r+"/data/d", user, user))
				must(t, os.Chmod(r+"/data/d", 0o700))
				symlink(t, r, "/opt/d", "../data/d")
			},
			want: []Want{dir("/opt/d")}, noted: "/opt/d",
			rpm: func(t *testing.T, r string) {
				must(t, os.Chown(r+"/opt/d", 0, 0))
				must(t, os.Chmod(r+"/opt/d", 0o755))
			},
		},
		"hard links": {
			host: func(t *testing.T, r string) {
				write(t, r, "/opt/a", "mine")
				must(t, os.Link(r+"/opt/a", r+"/opt/b"))
				must(t, os.Link(r+"/opt/a", r+"/opt/c"))
			},
			want: []Want{file("/opt/a", "old"), file("/opt/b", "old"), file("/opt/c", "old")}, noted: "/opt/a /opt/b /opt/c",
			rpm: func(t *testing.T, r string) {
				for _, p := range []string{"/opt/a", "/opt/b", "/opt/c"} {
					replace(p, "old")(t, r)
				}
			},
		},
		"names that are no UTF-8": {
			host: func(t *testing.T, r string) {
				write(t, r, "/opt/caf\xe9 50%", "mine")
				symlink(t, r, "/opt/link", "caf\xe9")
			},
			want: []Want{file("/opt/caf\xe9 50%", "old"), link("/opt/link", "old")}, noted: "/opt/caf\xe9 50% /opt/link",
			rpm: func(t *testing.T, r string) {
				replace("/opt/caf\xe9 50%", "old")(t, r)
				must(t, os.Remove(r+"/opt/link"))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := newRoot(t)
			c.host(t, root)
			before := snapshot(t, root)
			s := newSaved(t, root)
			if noted := save(t, s, byPath(c.want...), c.others...); noted != c.noted {
				t.Errorf("noted %q, want %q", noted, c.noted)
			}
			c.rpm(t, root)
			for range 2 { // an engine that was killed in it does it again
				must(t, s.Restore())
				must(t, s.RemoveAbsentDirs())
				if after := snapshot(t, root); after != before {
					t.Errorf("is\n%s\nwas\n%s", after, before)
				}
			}
			all := byPath(c.want...)
			must(t, s.Overlay(all))
			for _, w := range all {
				comparer := &Comparer{Root: root}
				if got, _, err := comparer.Compare(w); got != "" || err != nil {
					t.Errorf("%s: %s, %v", w.Path, got, err)
				}
			}
		})
	}
}

func with755(w Want) Want { w.Mode = 0o755; return w }

func withCaps(w Want) Want { w.Caps = true; return w }

// TestTheProductsUserSwapsFiles lets the user who owns a package's folder put something
// else in a file's place between Save and Restore.
func TestTheProductsUserSwapsFiles(t *testing.T) {
	t.Parallel()
	for name, swap := range map[string]func(t *testing.T, root string){
		"a link to root's file":           func(t *testing.T, r string) { symlink(t, r, "/app/f", "../secret") },
		"an absolute link to root's file": func(t *testing.T, r string) { symlink(t, r, "/app/f", r+"/secret") },
		"a second name of root's file":    func(t *testing.T, r string) { must(t, os.Link(r+"/secret", r+"/app/f")) },
		"a FIFO":                          func(t *testing.T, r string) { must(t, unix.Mkfifo(r+"/app/f", 0o600)) },
		"a folder":                        func(t *testing.T, r string) { must(t, os.Mkdir(r+"/app/f", 0o755)) },
		"nothing":                         func(*testing.T, string) {},
		"a link for the folder that it is in": func(t *testing.T, r string) {
			must(t, os.Rename(r+"/app", r+"/was"))
			write(t, r, "/root/f", "old")
			must(t, os.Chmod(r+"/root/f", 0o600))
			symlink(t, r, "/app", "root")
			must(t, os.Lchown(r+"/app", user, user))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := newRoot(t)
			write(t, root, "/secret", "old") // even with the content that is wanted
			must(t, os.Chmod(root+"/secret", 0o600))
			write(t, root, "/app/f", "old")
			must(t, os.Chown(root+"/app", user, user))
			must(t, os.Chown(root+"/app/f", user, user))
			must(t, os.Chmod(root+"/app/f", 0o666))
			s := newSaved(t, root)
			if noted := save(t, s, byPath(file("/app/f", "old"))); noted != "/app/f" {
				t.Fatalf("noted %q", noted)
			}
			must(t, os.Remove(root+"/app/f"))
			swap(t, root)
			if err := s.Restore(); err != nil && !errors.As(err, new(*host.LinkError)) {
				t.Error(err)
			}
			for _, path := range []string{"/secret", "/root/f"} {
				info, err := os.Stat(root + path)
				if err != nil {
					continue
				}
				if info.Mode().Perm() != 0o600 || host.AttrOf(info).UID != 0 {
					t.Errorf("root made %s %v of %d for the product's user", path, info.Mode(), host.AttrOf(info).UID)
				}
			}
		})
	}
}

func TestSaveRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		host func(t *testing.T, root string)
		want string
	}{
		"a FIFO in a file's place": {func(t *testing.T, r string) { must(t, unix.Mkfifo(r+"/a", 0o600)) }, "save /a for the way back: it is prw-------, which cannot be saved"},
		"a folder behind another's link": {func(t *testing.T, r string) {
			must(t, os.Mkdir(r+"/d", 0o755))
			symlink(t, r, "/b", "d")
			must(t, os.Lchown(r+"/b", user, user))
		}, "does not belong to root, so it is not followed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := newRoot(t)
			c.host(t, root)
			s := newSaved(t, root)
			_, err := s.Save(t.Context(), byPath(file("/a", "x"), dir("/b")), nil, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if _, err := os.Stat(s.file()); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a record is left behind: %v", err)
			}
		})
	}
	s := newSaved(t, newRoot(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Save(ctx, byPath(file("/a", "x")), nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after it was cancelled: %v", err)
	}
}

// TestASecondSaveForgetsTheFirst is about an attempt that prepares again.
func TestASecondSaveForgetsTheFirst(t *testing.T) {
	t.Parallel()
	root := newRoot(t)
	write(t, root, "/a", "mine")
	s := newSaved(t, root)
	save(t, s, byPath(file("/a", "old")))
	write(t, root, "/a", "old")
	if noted := save(t, s, byPath(file("/a", "old"))); noted != "" {
		t.Errorf("noted %s", noted)
	}
	if left, _ := filepath.Glob(s.copies() + "/*"); len(left) > 0 {
		t.Errorf("copies are left: %v", left)
	}
}

// TestAFolderThatTheUpgradeMade before it was cut short, and prepared again, is none that the host had.
func TestAFolderThatTheUpgradeMade(t *testing.T) {
	t.Parallel()
	root := newRoot(t)
	s := newSaved(t, root)
	save(t, s, nil, "/x/y/z")
	must(t, os.MkdirAll(root+"/x/y", 0o755))
	for range 2 {
		save(t, s, nil, "/x/y/z")
	}
	must(t, s.RemoveAbsentDirs())
	if _, err := os.Stat(root + "/x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it stays: %v", err)
	}
}

func TestADamagedRecord(t *testing.T) {
	t.Parallel()
	s := newSaved(t, newRoot(t))
	if err := s.Restore(); err != nil {
		t.Errorf("without a record: %v", err)
	}
	if err := (Saved{}).Restore(); err != nil {
		t.Errorf("where nothing may be written: %v", err)
	}
	for _, text := range []string{"", "{", `[{"path": 1}]`, `[{"path": "%zz"}]`} {
		must(t, os.WriteFile(s.file(), []byte(text), 0o600))
		for what, err := range map[string]error{"restore": s.Restore(), "overlay": s.Overlay(map[string]Want{}), "folders": s.RemoveAbsentDirs()} {
			if err == nil || !strings.Contains(err.Error(), "packages.json") {
				t.Errorf("%s of %q: %v", what, text, err)
			}
		}
	}
}

// TestACopyIsGone wants an error that says which file cannot come back.
func TestACopyIsGone(t *testing.T) {
	t.Parallel()
	root := newRoot(t)
	write(t, root, "/a", "mine")
	s := newSaved(t, root)
	save(t, s, byPath(file("/a", "old")))
	write(t, root, "/a", "old")
	must(t, os.RemoveAll(s.copies()))
	if err := s.Restore(); err == nil || !strings.Contains(err.Error(), "restore /a: ") {
		t.Errorf("got %v", err)
	}
}

func TestAbsentFolderWithSomethingInItStays(t *testing.T) {
	t.Parallel()
	root := newRoot(t)
	s := newSaved(t, root)
	save(t, s, nil, "/x/y/z")
	write(t, root, "/x/y/log", "of the new release")
	must(t, s.RemoveAbsentDirs())
	if _, err := os.Stat(root + "/x/y/log"); err != nil {
		t.Error(err)
	}
}
