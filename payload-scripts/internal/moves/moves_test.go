package moves

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/paths"
	"onerpm/payload-scripts/internal/tree"
)

// machine is a host in a folder, with a product whose folders get a tenant's.
type machine struct {
	t    *testing.T
	root string
	set  Set
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("these tests need root")
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, root: dir + "/host"}
	m.set = Set{
		Moves: []manifest.Move{
			{Each: "/opt/app/blueprints", Into: "/opt/app/blueprints/tenant"},
			{Each: "/opt/app/none", Into: "/opt/app/none/tenant"},
			{From: "/root/app/server.crt", To: "/etc/app/ssl/deep/cert.pem"},
			{From: "/root/app/lacks", To: "/etc/app/ssl/lacks"},
		},
		Owners: []manifest.Owner{{Path: "/opt/app", User: "991", Group: "992"}, {Path: "/var/app", User: "993"}},
		Host:   paths.Host(m.root), Folder: dir + "/attempt",
	}
	for _, d := range []string{"/opt/app/blueprints/one/sub", "/opt/app/blueprints/two words", "/root/app", "/etc", "/var/app", "/opt/app/bin"} {
		m.ok(os.MkdirAll(m.at(d), 0o755))
	}
	m.ok(os.MkdirAll(m.set.Folder, 0o700))
	m.write("/opt/app/blueprints/one/sub/b.yaml", "b", 0o644, 0, 0)
	m.write("/opt/app/blueprints/one/secret", "s", 0o600, 5, 6)
	m.write("/opt/app/blueprints/\xff", "x", 0o640, 0, 0)
	m.write("/opt/app/bin/tool", "t", 0o4755, 0, 0)
	m.write("/root/app/server.crt", "crt", 0o600, 0, 0)
	m.write("/var/app/data", "d", 0o644, 7, 8)
	m.ok(os.Link(m.at("/opt/app/blueprints/one/secret"), m.at("/opt/app/blueprints/one/again")))
	m.ok(os.Symlink("/etc/passwd", m.at("/opt/app/blueprints/one/link")))
	m.ok(unix.Chmod(m.at("/opt/app/blueprints"), 0o2750))
	for _, p := range []string{"/opt/app/blueprints/one", "/opt/app/blueprints", "/root/app", "/etc"} {
		m.ok(unix.UtimesNano(m.at(p), []unix.Timespec{{Sec: 1e9}, {Sec: 1e9, Nsec: 5}}))
	}
	return m
}

func (m *machine) at(path string) string { return m.root + path }

func (m *machine) ok(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) write(path, text string, mode uint32, uid, gid int) {
	m.t.Helper()
	m.ok(os.WriteFile(m.at(path), []byte(text), 0o600))
	m.ok(os.Chown(m.at(path), uid, gid))
	m.ok(unix.Chmod(m.at(path), mode))
}

// shot is everything on the host: kind, mode, owner, time, inode, and content or target.
func (m *machine) shot() string {
	m.t.Helper()
	var lines []string
	m.ok(tree.Walk(context.Background(), m.root, func(rel string, st *unix.Stat_t) error {
		if rel == "." {
			return nil
		}
		line := fmt.Sprintf("%q %o %d:%d %d #%d", rel, st.Mode, st.Uid, st.Gid, st.Mtim.Nano(), st.Ino)
		if st.Mode&unix.S_IFMT == unix.S_IFDIR {
			line = fmt.Sprintf("%q %o %d:%d #%d", rel, st.Mode, st.Uid, st.Gid, st.Ino)
			if filepath.Base(rel) == "blueprints" || rel == "root/app" || rel == "etc" {
				line += fmt.Sprint(" ", st.Mtim.Nano())
			}
		}
		lines = append(lines, line)
		return nil
	}))
	return strings.Join(lines, "\n")
}

func (m *machine) isNew() {
	m.t.Helper()
	for path, want := range map[string]string{
		"/opt/app/blueprints": "42750 991:992", "/opt/app/blueprints/tenant": "42750 991:992", "/opt/app/blueprints/tenant/one/sub/b.yaml": "100644 991:992",
		"/opt/app/blueprints/tenant/one/secret": "100600 991:992", "/opt/app/blueprints/tenant/one/link": "120777 991:992", "/opt/app/blueprints/tenant/\xff": "100640 991:992",
		"/opt/app/blueprints/tenant/two words": "40755 991:992", "/opt/app/bin/tool": "104755 0:0", "/etc/app/ssl/deep/cert.pem": "100600 0:0", "/etc/app/ssl": "40755 0:0",
		"/var/app/data": "100644 993:8", "/opt/app/blueprints/one": "", "/root/app/server.crt": "", "/opt/app/none": "", "/etc/app/ssl/lacks": "",
	} {
		var st unix.Stat_t
		err := unix.Lstat(m.at(path), &st)
		got := fmt.Sprintf("%o %d:%d", st.Mode, st.Uid, st.Gid)
		if errors.Is(err, unix.ENOENT) {
			got = ""
		}
		if got != want {
			m.t.Errorf("%q is %q, want %q", path, got, want)
		}
	}
	var st unix.Stat_t
	if err := unix.Stat("/etc/passwd", &st); err != nil || st.Uid != 0 { // where the link leads
		m.t.Errorf("/etc/passwd belongs to %d, %v", st.Uid, err)
	}
}

func TestThereAndBack(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), t.Context()
	before := m.shot()
	if found := m.set.Findings(ctx); len(found) > 0 {
		t.Fatalf("findings: %+v", found)
	}
	m.ok(m.set.Converge(ctx, manifest.Old)) // before anything was noted
	if err := m.set.Converge(ctx, manifest.New); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("moved what was not noted: %v", err)
	}
	m.ok(m.set.Record(ctx))
	for range 2 {
		m.ok(m.set.Converge(ctx, manifest.New))
		m.isNew()
	}
	for range 2 {
		m.ok(m.set.Converge(ctx, manifest.Old))
		if after := m.shot(); after != before {
			t.Fatalf("after the way back:\n%s\nbefore:\n%s", after, before)
		}
	}
	m.ok(m.set.Converge(ctx, manifest.New)) // and once more
	m.isNew()
}

// TestStoppedAnywhere ends a way after each of its changes, as a kill does, and goes either way from there.
func TestStoppedAnywhere(t *testing.T) {
	t.Parallel()
	for _, way := range []manifest.Side{manifest.New, manifest.Old} {
		for _, next := range []manifest.Side{manifest.New, manifest.Old} {
			t.Run(string(way)+"-"+string(next), func(t *testing.T) {
				t.Parallel()
				for at := 0; ; at++ {
					m, ctx := newMachine(t), t.Context()
					before := m.shot()
					m.ok(m.set.Record(ctx))
					if way == manifest.Old {
						m.ok(m.set.Converge(ctx, manifest.New))
					}
					ended := m.cut(way, at)
					m.ok(m.set.Converge(ctx, next))
					if next == manifest.New {
						m.isNew()
					} else if after := m.shot(); after != before {
						t.Fatalf("stopped after %d:\n%s\nbefore:\n%s", at, after, before)
					}
					if ended {
						if at < 15 {
							t.Errorf("only %d stops", at)
						}
						return
					}
				}
			})
		}
	}
}

// cut goes a way up to its n-th change: it does by hand what Converge does, in its order. It tells
// whether the way came to its end.
func (m *machine) cut(way manifest.Side, n int) (ended bool) {
	m.t.Helper()
	r, err := m.set.load()
	m.ok(err)
	var steps []func() error
	places := func() {
		for _, f := range r.Made {
			steps = append(steps, f.make)
		}
		for _, v := range r.Moves {
			steps = append(steps, func() error { return v.move(v.From, v.To) })
		}
	}
	m.ok(m.set.each(context.Background(), func(o owned) error {
		steps = append(steps, func() error {
			path, to := o.Path, ids{o.UID, o.GID}
			if way == manifest.New {
				who, err := lookUp(m.set.Owners[o.Rule])
				if err != nil {
					return err
				}
				path, to = placeOf(r.places(), path), who
			}
			var at opener
			defer at.close()
			_, err := o.chown(&at, path, to)
			return err
		})
		return nil
	}))
	owners := steps
	steps = nil
	if way == manifest.New {
		places()
	} else {
		for _, v := range slices.Backward(r.Moves) {
			steps = append(steps, func() error { return v.move(v.To, v.From) })
		}
		for _, f := range slices.Backward(r.Made) {
			steps = append(steps, f.remove)
		}
	}
	steps = append(steps, owners...)
	for i, step := range steps {
		if i == n {
			return false
		}
		m.ok(step())
	}
	return true
}

// TestFolderThatWasJustMade by an engine that was killed then.
func TestFolderThatWasJustMade(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), t.Context()
	m.ok(m.set.Record(ctx))
	m.ok(os.Mkdir(m.at("/opt/app/blueprints/tenant"), 0o700))
	m.ok(m.set.Converge(ctx, manifest.New))
	m.isNew()
}

// TestPrivileges: who could change a program with privileges would have them on the way back.
func TestPrivileges(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), t.Context()
	caps := []byte{1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	m.write("/opt/app/bin/ping", "p", 0o755, 0, 0)
	m.ok(unix.Setxattr(m.at("/opt/app/bin/ping"), "security.capability", caps, 0))
	before := m.shot()
	m.ok(m.set.Record(ctx))
	m.ok(m.set.Converge(ctx, manifest.New))
	for _, path := range []string{"/opt/app/bin/ping", "/opt/app/bin/tool"} {
		var st unix.Stat_t
		m.ok(unix.Lstat(m.at(path), &st))
		if st.Uid != 0 {
			t.Errorf("%s was given to %d", path, st.Uid)
		}
	}
	m.ok(m.set.Converge(ctx, manifest.Old))
	got := make([]byte, 64)
	n, err := unix.Getxattr(m.at("/opt/app/bin/ping"), "security.capability", got)
	m.ok(err)
	if after := m.shot(); after != before || !slices.Equal(got[:n], caps) {
		t.Errorf("capabilities %v, after the way back:\n%s\nbefore:\n%s", got[:n], after, before)
	}
}

// TestWhatTheNewReleaseDid in the folders, before it failed.
func TestWhatTheNewReleaseDid(t *testing.T) {
	t.Parallel()
	t.Run("made more", func(t *testing.T) {
		t.Parallel()
		m, ctx := newMachine(t), t.Context()
		before := m.shot()
		m.ok(m.set.Record(ctx))
		m.ok(m.set.Converge(ctx, manifest.New))
		m.ok(os.MkdirAll(m.at("/opt/app/blueprints/tenant/three/deep"), 0o755))
		m.ok(os.Mkdir(m.at("/opt/app/blueprints/one"), 0o755)) // in the old place
		m.ok(m.set.Converge(ctx, manifest.Old))
		if after := m.shot(); after != before {
			t.Errorf("after the way back:\n%s\nbefore:\n%s", after, before)
		}
	})
	for name, state := range map[string]string{"removed something": "", "removed something that is saved": "/opt/app/blueprints"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, ctx := newMachine(t), t.Context()
			if state != "" {
				m.set.State = []string{state}
			}
			m.ok(m.set.Record(ctx))
			m.ok(m.set.Converge(ctx, manifest.New))
			m.ok(os.RemoveAll(m.at("/opt/app/blueprints/tenant/two words")))
			err := m.set.Converge(ctx, manifest.Old)
			if state == "" && (err == nil || !strings.Contains(err.Error(), "two words: it is gone")) || state != "" && err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestInodeAgain: a file that took the place of a noted one, and got its inode, is the new release's own. A folder that
// root made anew is given away whatever its inode, but none of somebody else's.
func TestInodeAgain(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), t.Context()
	m.ok(os.Mkdir(m.at("/opt/app/of-another"), 0o755))
	before := m.shot()
	m.ok(m.set.Record(ctx))
	const path = "/opt/app/blueprints/one/sub/b.yaml"
	was, err := inodeAt(host.Name(m.at(path)))
	m.ok(err)
	var st unix.Stat_t
	m.ok(unix.Stat(m.at(path), &st))
	m.ok(unix.UtimesNano(m.at(path), []unix.Timespec{{Sec: 1e9}, {Sec: 1e9}}))
	for again, uid := range map[string]int{"/opt/app/bin": 0, "/opt/app/of-another": 77} { // folders that were made anew
		m.ok(os.Rename(m.at(again), m.at(again+"~")))
		m.ok(os.Mkdir(m.at(again), 0o755))
		m.ok(os.Chown(m.at(again), uid, uid))
	}
	m.ok(m.set.Converge(ctx, manifest.New))
	for again, want := range map[string]uint32{"/opt/app/bin": 991, "/opt/app/of-another": 77} {
		var got unix.Stat_t
		m.ok(unix.Stat(m.at(again), &got))
		if got.Uid != want {
			t.Errorf("%s belongs to %d, want %d", again, got.Uid, want)
		}
		m.ok(os.Remove(m.at(again)))
		m.ok(os.Rename(m.at(again+"~"), m.at(again)))
	}
	const moved = "/opt/app/blueprints/tenant/one/sub/b.yaml"
	if is, err := inodeAt(host.Name(m.at(moved))); err != nil || is != was {
		t.Fatalf("the inode is %d, was %d: %v", is, was, err)
	}
	var got unix.Stat_t
	m.ok(unix.Stat(m.at(moved), &got))
	if got.Uid != 0 || got.Gid != 0 {
		t.Errorf("it was given to %d:%d", got.Uid, got.Gid)
	}
	m.ok(m.set.Converge(ctx, manifest.Old))
	m.ok(unix.UtimesNano(m.at(path), []unix.Timespec{st.Atim, st.Mtim}))
	if after := m.shot(); after != before {
		t.Errorf("after the way back:\n%s\nbefore:\n%s", after, before)
	}
}

// TestWhatOthersHave: files of packages keep their owners, configuration that was written in the window gets
// the new one; what others restore on the way back is no failure.
func TestWhatOthersHave(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), t.Context()
	m.write("/opt/app/app.conf", "1", 0o600, 0, 0)
	m.write("/opt/app/cache", "1", 0o600, 0, 0)
	m.set.Config = []string{"/opt/app/app.conf"}
	m.set.Packaged = func(context.Context) (map[string]bool, error) {
		return map[string]bool{"/opt/app/bin/tool": true, "/opt/app/bin": true}, nil
	}
	m.ok(m.set.Record(ctx))
	for _, file := range []string{"/opt/app/app.conf", "/opt/app/cache", "/opt/app/bin/tool"} { // all of them are written anew
		m.write(file+".next", "2", 0o600, 3, 3)
		m.ok(os.Rename(m.at(file+".next"), m.at(file)))
	}
	m.ok(m.set.Converge(ctx, manifest.New))
	for path, want := range map[string]string{"/opt/app/app.conf": "991:992", "/opt/app/cache": "3:3", "/opt/app/bin/tool": "3:3", "/opt/app/bin": "991:992"} {
		var st unix.Stat_t
		m.ok(unix.Lstat(m.at(path), &st))
		if got := fmt.Sprintf("%d:%d", st.Uid, st.Gid); got != want {
			t.Errorf("%s belongs to %s, want %s", path, got, want)
		}
	}
	m.ok(m.set.Converge(ctx, manifest.Old))
	var st unix.Stat_t
	m.ok(unix.Lstat(m.at("/opt/app/bin"), &st))
	if st.Uid != 0 {
		t.Errorf("the folder belongs to %d", st.Uid)
	}
	// A name of a secret in configuration's place is not given away.
	m.write("/secret", "s", 0o600, 0, 0)
	m.ok(os.Remove(m.at("/opt/app/app.conf")))
	m.ok(os.Link(m.at("/secret"), m.at("/opt/app/app.conf")))
	m.ok(m.set.Converge(ctx, manifest.New))
	m.ok(unix.Lstat(m.at("/secret"), &st))
	if st.Uid != 0 {
		t.Errorf("a secret was given to %d", st.Uid)
	}
	m.set.Packaged = func(context.Context) (map[string]bool, error) { return nil, errors.New("no rpm") }
	if err := m.set.Record(ctx); err == nil || !strings.Contains(err.Error(), "no rpm") {
		t.Errorf("the error is %v", err)
	}
}

// TestHostile: what the product's user puts into the place of files is neither moved nor given away.
func TestHostile(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), t.Context()
	m.write("/secret", "s", 0o600, 0, 0)
	m.ok(m.set.Record(ctx))
	m.ok(os.Remove(m.at("/var/app/data")))
	m.ok(os.Symlink("/secret", m.at("/var/app/data")))
	m.ok(os.Remove(m.at("/opt/app/blueprints/one/sub/b.yaml")))
	m.ok(os.Link(m.at("/secret"), m.at("/opt/app/blueprints/one/sub/b.yaml")))
	m.ok(m.set.Converge(ctx, manifest.New))
	var st unix.Stat_t
	m.ok(unix.Lstat(m.at("/secret"), &st))
	if st.Uid != 0 || st.Mode&0o7777 != 0o600 {
		t.Errorf("a secret was given to %d, mode %o", st.Uid, st.Mode)
	}
	// A folder on the way that became a link of a user's.
	m = newMachine(t)
	m.ok(m.set.Record(ctx))
	m.ok(os.Rename(m.at("/opt/app/blueprints"), m.at("/elsewhere")))
	m.ok(os.Symlink(m.at("/elsewhere"), m.at("/opt/app/blueprints")))
	m.ok(os.Lchown(m.at("/opt/app/blueprints"), 991, 991))
	if err := m.set.Converge(ctx, manifest.New); err == nil || !strings.Contains(err.Error(), "blueprints") {
		t.Errorf("followed a link: %v", err)
	}
}

// TestNothingIsWrittenOver what appeared at a target after the services were stopped.
func TestNothingIsWrittenOver(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), t.Context()
	before := m.shot()
	m.ok(m.set.Record(ctx))
	m.ok(os.MkdirAll(m.at("/etc/app/ssl/deep"), 0o755))
	m.write("/etc/app/ssl/deep/cert.pem", "theirs", 0o644, 0, 0)
	if err := m.set.Converge(ctx, manifest.New); !errors.Is(err, os.ErrExist) {
		t.Fatalf("got %v", err)
	}
	if got, _ := os.ReadFile(m.at("/etc/app/ssl/deep/cert.pem")); string(got) != "theirs" {
		t.Errorf("it is %q", got)
	}
	m.ok(os.RemoveAll(m.at("/etc/app")))
	m.ok(m.set.Converge(ctx, manifest.Old))
	if after := m.shot(); after != before {
		t.Errorf("after the way back:\n%s\nbefore:\n%s", after, before)
	}
}

// TestDamagedRecord: a damaged record is an error, and nothing is done.
func TestDamagedRecord(t *testing.T) {
	t.Parallel()
	for file, text := range map[string]string{"moves.json": "{", "owners.jsonl": `{"rule":7}`} {
		m, ctx := newMachine(t), t.Context()
		m.ok(m.set.Record(ctx))
		m.ok(os.WriteFile(filepath.Join(m.set.Folder, file), []byte(text), 0o600))
		for _, side := range []manifest.Side{manifest.New, manifest.Old} {
			if err := m.set.Converge(ctx, side); err == nil || !strings.Contains(err.Error(), file) {
				t.Errorf("%s damaged, to %s: %v", file, side, err)
			}
		}
	}
}

func TestFindings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(m *machine)
		want   string // ID and a part of what is said
	}{
		"a tenant of that name":      {func(m *machine) { m.ok(os.Mkdir(m.at("/opt/app/blueprints/tenant"), 0o755)) }, "move-target-there /opt/app/blueprints/tenant is there"},
		"the file is there":          {func(m *machine) { m.ok(os.MkdirAll(m.at("/etc/app/ssl/deep/cert.pem"), 0o755)) }, "move-target-there /etc/app/ssl/deep/cert.pem"},
		"no folder":                  {func(m *machine) { m.write("/opt/app/none", "", 0o600, 0, 0) }, "move-kind /opt/app/none is no folder"},
		"a link of another's":        {func(m *machine) { m.link("/opt/app/blueprints", 991) }, "move-link /opt/app/blueprints"},
		"another file system":        {func(m *machine) { m.mount("/etc/app") }, "move-mount /root/app/server.crt lies on another file system"},
		"a mount in between":         {func(m *machine) { m.mount("/opt/app/blueprints/one/sub") }, "move-mount"},
		"a mount among the owned":    {func(m *machine) { m.mount("/var/app/more") }, ""},
		"a further name elsewhere":   {func(m *machine) { m.ok(os.Link(m.at("/var/app/data"), m.at("/name"))) }, "owner-hard-link below /var/app"},
		"nobody of that name":        {func(m *machine) { m.set.Owners[1].User = "nobody-has-this-name" }, "owner-lacks /var/app"},
		"nothing in the way at all":  {func(*machine) {}, ""},
		"a mount is moved from into": {func(m *machine) { m.remount("/opt/app/blueprints") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			c.change(m)
			before := m.shot()
			found := m.set.Findings(t.Context())
			if c.want == "" {
				if len(found) > 0 {
					t.Errorf("found %+v", found)
				}
				return
			}
			id, what, _ := strings.Cut(c.want, " ")
			if len(found) == 0 || found[0].ID != id || !strings.Contains(found[0].What, what) || found[0].Do == "" {
				t.Errorf("found %+v, want %s", found, c.want)
			}
			if after := m.shot(); after != before {
				t.Error("something changed")
			}
		})
	}
}

// link puts a link of somebody's into a folder's place.
func (m *machine) link(path string, uid int) {
	m.ok(os.Rename(m.at(path), m.at("/elsewhere")))
	m.ok(os.Symlink(m.at("/elsewhere"), m.at(path)))
	m.ok(os.Lchown(m.at(path), uid, uid))
}

// mount mounts a file system at a path, which it makes.
func (m *machine) mount(path string) {
	m.ok(os.MkdirAll(m.at(path), 0o755))
	m.ok(unix.Mount("none", m.at(path), "tmpfs", 0, ""))
	m.t.Cleanup(func() { _ = unix.Unmount(m.at(path), unix.MNT_DETACH) })
}

// remount puts a file system under a folder with what is in it.
func (m *machine) remount(path string) {
	keep := m.root + "-keep"
	m.ok(os.Rename(m.at(path), keep))
	m.mount(path)
	out, err := exec.Command("cp", "-a", keep+"/.", m.at(path)).CombinedOutput()
	if err != nil {
		m.t.Fatalf("%v: %s", err, out)
	}
}
