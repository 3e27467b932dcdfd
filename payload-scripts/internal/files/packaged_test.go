package files

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"onerpm/internal/manifest"
)

// of is a %config file as a package has it.
func of(body string, mode uint32, user, group string, uid, gid int) *Shipped {
	s := shipped(body)
	s.Mode, s.User, s.Group, s.UID, s.GID = mode, user, group, uid, gid
	return s
}

// TestPackagedAttributes: the new package's, unless an admin gave the file others.
func TestPackagedAttributes(t *testing.T) {
	t.Parallel()
	const target = "/etc/pkg.conf"
	older := of("1\n", 0o644, "root", "root", 0, 0)
	newer := of("2\n", 0o640, "nobody", "nogroup", 65534, 65534)
	for name, c := range map[string]struct {
		p       Packaged
		content string // on the host, "" for none there
		mode    os.FileMode
		uid     int
		want    string // how it is listed on the new side, "" for none there
		body    string
		did     Did
		edited  bool // the change says that it was edited here
	}{
		"the package's own":        {Packaged{Old: older, New: newer}, "1\n", 0o644, 0, "-rw-r----- 65534:65534", "2\n", Updated, false},
		"an admin's mode":          {Packaged{Old: older, New: newer}, "1\n", 0o600, 0, "-rw------- 0:0", "2\n", Updated, false},
		"an admin's owner":         {Packaged{Old: older, New: newer}, "1\n", 0o644, 7, "-rw-r--r-- 7:0", "2\n", Updated, false},
		"an admin's lines":         {Packaged{Old: of("1\na\n", 0o644, "", "", 0, 0), New: of("2\na\n", 0o640, "", "", 0, 0)}, "1\na\nmine\n", 0o644, 0, "-rw-r----- 0:0", "2\na\nmine\n", Merged, false},
		"new":                      {Packaged{New: newer}, "", 0, 0, "-rw-r----- 65534:65534", "2\n", Added, false},
		"new, of nobody we know":   {Packaged{New: of("2\n", 0o600, "no-such-user", "no-such-group", 0, 0)}, "", 0, 0, "-rw------- 0:0", "2\n", Added, false},
		"gone":                     {Packaged{Old: older}, "1\n", 0o644, 0, "", "", Removed, false},
		"gone, edited":             {Packaged{Old: older}, "mine\n", 0o644, 0, "", "", Removed, true},
		"no configuration":         {Packaged{Old: older, New: newer, Plain: true}, "1\n", 0o600, 7, "-rw-r----- 65534:65534", "2\n", Updated, false},
		"no configuration, edited": {Packaged{Old: older, New: newer, Plain: true}, "mine\n", 0o600, 7, "-rw-r----- 65534:65534", "2\n", Updated, true},
		"no configuration, same":   {Packaged{Old: older, New: of("1\n", 0o600, "", "", 0, 0), Plain: true}, "1\n", 0o644, 0, "-rw------- 0:0", "1\n", Unchanged, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, ctx := newMachine(t), context.Background()
			if c.content != "" {
				m.write(target, c.content, c.mode, c.uid, 0)
			}
			before := m.shot("/etc")
			c.p.Config = manifest.Config{Target: target, Format: "text"}
			s := m.set()
			s.Packaged = []Packaged{c.p}
			found := ""
			for _, f := range s.Findings(ctx) {
				found += f.ID
			}
			if (found == "config-edited-file-goes") != c.edited {
				t.Error("found", found)
			}
			m.ok(s.Prepare(ctx))
			m.ok(s.SaveState(ctx))
			m.ok(s.SaveState(ctx))
			for range 2 {
				m.ok(m.set().Converge(ctx, manifest.New))
			}
			shot := m.shot("/etc")[target[1:]]
			if !strings.HasPrefix(shot, c.want) || (shot == "") != (c.want == "") {
				t.Errorf("%s, want %s", shot, c.want)
			}
			if c.want != "" && m.read(target) != c.body {
				t.Errorf("%q", m.read(target))
			}
			changes, err := s.Changes()
			m.ok(err)
			last := changes[len(changes)-1]
			if last.Target != target || last.Did != c.did || last.Package != "%config of pkg" {
				t.Errorf("%+v", last)
			}
			m.ok(m.set().Converge(ctx, manifest.Old))
			compareShots(t, m.shot("/etc"), before)
		})
	}
}

// TestPackagedBehindALink: rpm replaces the link by a file; the link comes back,
// and what it leads to has the merge. Its folder may lie behind a link too.
func TestPackagedBehindALink(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"/etc/pkg.conf", "/etc/app/pkg.conf"} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			m, ctx := newMachine(t), context.Background()
			m.packaged = []packaged{{target, "1\na\n", "2\na\n"}}
			m.mkdir("/data/app", 0o755)
			m.ok(os.Symlink("../data/app", m.at("/etc/app")))
			m.write("/srv/pkg.conf", "1\na\nmine\n", 0o640, 3, 4)
			// The root of the test is not the process's: an absolute link leads out of it.
			m.ok(os.Symlink("/srv/pkg.conf", m.at(target)))
			before := m.shot("/etc", "/srv", "/data")
			s := m.prepared()
			for _, side := range []manifest.Side{manifest.New, manifest.Old} {
				m.ok(os.Remove(m.at(target))) // as rpm does, each time it installs a package
				m.write(target, "of the package\n", 0o644, 0, 0)
				m.write(target+".rpmsave", "1\na\nmine\n", 0o640, 3, 4)
				m.ok(s.Converge(ctx, side))
				if to, err := os.Readlink(m.at(target)); err != nil || to != "/srv/pkg.conf" {
					t.Error(side, to, err)
				}
				if _, err := os.Lstat(m.at(target + ".rpmsave")); !os.IsNotExist(err) {
					t.Error(side, "left beside the link:", err)
				}
				if want := map[manifest.Side]string{manifest.New: "2\na\nmine\n", manifest.Old: "1\na\nmine\n"}[side]; m.read("/srv/pkg.conf") != want {
					t.Errorf("%s: %q", side, m.read("/srv/pkg.conf"))
				}
			}
			compareShots(t, m.shot("/etc", "/srv", "/data"), before)
		})
	}
}

// TestNamesThatAreNoUTF8: of %config files, of their folders and of links on the way.
func TestNamesThatAreNoUTF8(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	linked, deep := "/etc/caf\xe9/100%\xff.conf", "/etc/d\xe9p/x.conf"
	m.packaged = []packaged{{linked, "1\na\n", "2\na\n"}, {deep, "1\na\n", "2\na\n"}}
	m.mkdir("/srv/\xfe", 0o755)
	m.ok(os.Symlink("../srv/\xfe", m.at("/etc/caf\xe9")))
	m.write(linked, "1\na\nmine\n", 0o640, 3, 4)
	m.write(linked+".rpmorig", "of an earlier update\n", 0o600, 5, 6)
	m.write(deep, "1\na\n", 0o644, 0, 0)
	m.ok(os.Chown(m.at("/etc/d\xe9p"), 7, 8))
	before := m.shot("/etc", "/srv")
	m.prepared()
	m.ok(m.set().Converge(ctx, manifest.New))
	if m.read(linked) != "2\na\nmine\n" || m.read(deep) != "2\na\n" {
		t.Errorf("%q %q", m.read(linked), m.read(deep))
	}
	m.ok(os.Remove(m.at("/etc/caf\xe9")))
	m.ok(os.RemoveAll(m.at("/etc/d\xe9p")))
	m.ok(m.set().Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/etc", "/srv"), before)
}

// TestLitterOfAnEarlierUpdate stays, whatever it is and whatever rpm does to it.
func TestLitterOfAnEarlierUpdate(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	m.packaged = []packaged{{"/etc/pkg.conf", "1\n", "2\n"}}
	m.write("/etc/pkg.conf", "1\n", 0o644, 0, 0)
	m.write("/etc/pkg.conf.rpmnew", "of an earlier update\n", 0o600, 5, 6)
	m.mkdir("/etc/pkg.conf.rpmorig", 0o755)
	before := m.shot("/etc")
	s := m.prepared()
	for _, side := range []manifest.Side{manifest.New, manifest.Old} {
		m.write("/etc/pkg.conf.rpmnew", "of this one\n", 0o644, 0, 0)
		m.write("/etc/pkg.conf.rpmsave", "of this one\n", 0o644, 0, 0)
		if left, err := s.Leftovers(); err != nil || strings.Join(left, " ") != "/etc/pkg.conf.rpmsave" {
			t.Error(left, err)
		}
		m.ok(s.Converge(ctx, side))
		after := m.shot("/etc")
		for _, name := range []string{"rpmnew", "rpmsave", "rpmorig"} {
			if after["etc/pkg.conf."+name] != before["etc/pkg.conf."+name] {
				t.Errorf("%s, %s: %s, was %s", side, name, after["etc/pkg.conf."+name], before["etc/pkg.conf."+name])
			}
		}
	}
}

// TestPackageThatCannotBeRead: no file is half prepared.
func TestPackageThatCannotBeRead(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	broken := errors.New("the payload is cut off")
	p := Packaged{Config: manifest.Config{Target: "/etc/pkg.conf", Format: "text"}, Old: shipped("1\n"), New: shipped("2\n")}
	p.New.Content = func(context.Context) ([]byte, error) { return nil, broken }
	m.write("/etc/pkg.conf", "1\n", 0o644, 0, 0)
	s := m.set()
	s.Packaged = []Packaged{p}
	if err := s.Prepare(ctx); !errors.Is(err, broken) || !strings.Contains(err.Error(), "/etc/pkg.conf: ") {
		t.Error(err)
	}
	expect(t, s.Findings(ctx), "config-merge")
	if _, err := os.Stat(m.backup + "/index.json"); !os.IsNotExist(err) {
		t.Error("an index was written", err)
	}
}
