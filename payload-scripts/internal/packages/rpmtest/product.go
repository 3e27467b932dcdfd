package rpmtest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/manifest"
)

// trap is what the product's old %postun does: it wipes new files on an upgrade too.
const trap = "rm -rf /opt/manager/resources\n"

// OldRelease is the old release of a product.
func OldRelease() []Package {
	return []Package{
		{Name: "rest", Version: "4.1.1", Files: []File{
			{Path: "/opt/manager", Dir: true}, {Path: "/opt/manager/rest.py", Body: "rest 4.1.1"},
			{Path: "/opt/manager/old-only.py", Body: "gone in 4.2"}, {Path: "/opt/manager/current", Link: "rest.py"},
			{Path: "/opt/manager/rest.conf", Body: "conf 4.1.1", Config: true},
			{Path: "/opt/manager/tool", Body: "#!/bin/sh\n", Mode: 0o755, Owner: "cfyuser"},
		}, Post: "echo 4.1.1 > /opt/manager/env\n", PostUn: trap},
		{Name: "influx", Version: "17.6.30", Files: []File{{Path: "/opt/influx/bin", Body: strings.Repeat("i", 100000)}}, Requires: []string{"rest"}},
		{Name: "composer-old", Version: "4.1.1", Files: []File{{Path: "/opt/composer/app.js", Body: "old app"}}},
		{Name: "dropped", Version: "4.1.1", Files: []File{{Path: "/opt/dropped/x", Body: "x"}}},
		{Name: "same", Version: "0.8", Files: []File{{Path: "/opt/same/s", Body: "s"}}},
		{Name: "cli", Version: "4.1.1", Optional: true, Files: []File{{Path: "/usr/bin/cfy", Body: "cfy 4.1.1", Mode: 0o755}}},
	}
}

// NewRelease is the new release of a product.
func NewRelease() []Package {
	return []Package{
		{Name: "rest", Version: "4.2.0", Files: []File{
			{Path: "/opt/manager", Dir: true}, {Path: "/opt/manager/rest.py", Body: "rest 4.2.0!"},
			{Path: "/opt/unowned/deep/new.py", Body: "in folders that no package owns"},
			{Path: "/opt/manager/new-dir", Dir: true}, {Path: "/opt/manager/new-dir/new-only.py", Body: "new in 4.2"},
			{Path: "/opt/manager/current", Link: "new-dir/new-only.py"},
			{Path: "/opt/manager/rest.conf", Body: "conf 4.2.0", Config: true},
			{Path: "/opt/manager/tool", Body: "#!/bin/sh\n:", Mode: 0o750, Owner: "cfyuser"},
		}, Post: "echo 4.2.0 > /opt/manager/env\n", PostUn: trap},
		{Name: "influx", Version: "4.2.0", Files: []File{{Path: "/opt/influx/bin", Body: strings.Repeat("j", 120000)}}, Requires: []string{"rest"}},
		{Name: "composer", Version: "4.2.0", Files: []File{{Path: "/opt/composer/app.js", Body: "new app"}}, Obsoletes: []string{"composer-old"}},
		{Name: "same", Version: "0.8", Files: []File{{Path: "/opt/same/s", Body: "s"}}},
		{Name: "cli", Version: "4.2.0", Optional: true, Files: []File{{Path: "/usr/bin/cfy", Body: "cfy 4.2.0", Mode: 0o755}}},
		{Name: "extra-tools", Version: "4.2.0", Optional: true, Files: []File{{Path: "/usr/bin/extra", Body: "extra", Mode: 0o755}}},
	}
}

// Product is a host for both; the old %postun is known, and left out.
func Product(t testing.TB) *World {
	t.Helper()
	w := New(t, OldRelease(), NewRelease())
	for _, nvr := range []string{"rest-4.1.1-1", "rest-4.2.0-1"} {
		w.Manifest.Skip = append(w.Manifest.Skip, manifest.Scriptlet{Package: nvr, Kind: "postun", Why: "deletes resources"})
	}
	w.Manifest.State = []string{"/opt/manager/resources", "/opt/manager/env"}
	return w
}

// MovedStore is a product that leaves one store for another: the new one comes early, the old one goes late.
func MovedStore(t testing.TB, change func(old, new []Package)) *World {
	t.Helper()
	old := []Package{
		{Name: "rest", Version: "1", Files: []File{{Path: "/opt/rest/rest.py", Body: "1"}}, Requires: []string{"search"}},
		{Name: "search", Version: "1", Late: true, Files: []File{
			{Path: "/usr/share/search/lib.jar", Body: "jar"}, {Path: "/etc/search/search.yml", Body: "a: 1\n", Config: true}, {Path: "/var/lib/search", Dir: true},
		}, PreUn: "echo preun >> /ran\n", PostUn: "rm -rf /var/lib/search; echo postun >> /ran\n"},
		{Name: "dropped", Version: "1", Files: []File{{Path: "/opt/dropped/x", Body: "x"}}, PostUn: "echo dropped >> /ran\n"},
	}
	new := []Package{
		{Name: "rest", Version: "2", Files: []File{{Path: "/opt/rest/rest.py", Body: "2"}}, Requires: []string{"sql-server"}},
		{Name: "sql", Version: "9", Early: true, Files: []File{{Path: "/usr/sql/libs/sql.so", Body: "so"}}},
		{Name: "sql-server", Version: "9", Early: true, Requires: []string{"sql"}, Files: []File{
			{Path: "/usr/sql/bin/server", Body: "bin", Mode: 0o755}, {Path: "/etc/sql/sql.conf", Body: "c: 1\n", Config: true},
			{Path: "/var/lib/sql", Dir: true}, {Path: "/var/log/sql.log", Ghost: true},
		}, Pre: "echo pre >> /ran\n", Post: "echo post >> /ran\n"},
		{Name: "stage", Version: "2", Files: []File{{Path: "/opt/stage/s", Body: "s"}}},
	}
	if change != nil {
		change(old, new)
	}
	w := New(t, old, new)
	w.Manifest.Skip = []manifest.Scriptlet{{Package: "search-1-1", Kind: "postun", Why: "deletes its data"}}
	w.Manifest.EarlyServices = []manifest.EarlyService{{Unit: "sql", Makes: []string{"/var/lib/sql/data/deep"}}}
	w.Install(t)
	w.Write(t, "/etc/search/search.yml", "a: mine\n")
	w.Write(t, "/var/lib/search/nodes/0", "documents")
	return w
}

// Tree is every file and folder of the host, but for programs, rpm's database and what rpm leaves in /var/tmp.
func (w *World) Tree(t testing.TB) string {
	t.Helper()
	var all []string
	for _, top := range []string{"/etc", "/opt", "/usr", "/var"} {
		err := filepath.WalkDir(w.Root+top, func(path string, d fs.DirEntry, err error) error {
			rel := strings.TrimPrefix(path, w.Root)
			if err != nil || strings.Contains(rel, "rpm") && !strings.HasPrefix(rel, "/etc") {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			line := rel + " " + info.Mode().String()
			if info.Mode().IsRegular() {
				line += fmt.Sprintf(" %d %q", info.ModTime().Unix(), w.Read(rel))
			}
			all = append(all, line)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return strings.Join(all, "\n")
}

// InstallOther builds a package that is not the product's and installs it.
func (w *World) InstallOther(t testing.TB, p Package) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "p.rpm")
	if err := os.WriteFile(path, Build(t, p), 0o600); err != nil {
		t.Fatal(err)
	}
	w.RPM(t, "-U", path)
}
