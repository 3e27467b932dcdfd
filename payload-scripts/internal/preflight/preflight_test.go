package preflight

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/packages/rpmtest"
)

func oldRelease() []rpmtest.Package {
	return []rpmtest.Package{
		{Name: "rest", Version: "2", Files: []rpmtest.File{
			{Path: "/opt/m/rest.py", Body: "rest 2"}, {Path: "/opt/m/rest.conf", Body: "conf", Config: true},
		}},
		{Name: "dropped", Version: "2", Files: []rpmtest.File{{Path: "/opt/m/dropped.py", Body: "dropped"}}},
		{Name: "cli", Version: "2", Optional: true, Files: []rpmtest.File{{Path: "/usr/bin/cfy", Body: "cfy 2"}}},
	}
}

func newRelease() []rpmtest.Package {
	return []rpmtest.Package{
		{Name: "rest", Version: "3", Files: []rpmtest.File{
			{Path: "/opt/m/rest.py", Body: "rest 3"}, {Path: "/opt/m/rest.conf", Body: "conf 3", Config: true},
		}},
		{Name: "added", Version: "3", Files: []rpmtest.File{{Path: "/opt/m/added.py", Body: "added"}}},
		{Name: "cli", Version: "3", Optional: true, Files: []rpmtest.File{{Path: "/usr/bin/cfy", Body: "cfy 3"}}},
	}
}

// host returns a host at the old release with the bundle; Known has 1, 2, 3 and 4.
func world(t *testing.T, install bool) *rpmtest.World {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("this test needs root")
	}
	w := rpmtest.New(t, oldRelease(), newRelease())
	m := w.Manifest
	m.From, m.To = "2", "3"
	at := func(version, next string, names ...string) manifest.Release {
		r := manifest.Release{Version: version, Next: next}
		for _, name := range names {
			r.Packages = append(r.Packages, manifest.Known{Name: name, EVR: "0:" + version + "-1", Optional: name == "cli"})
		}
		return r
	}
	m.Known = []manifest.Release{
		at("0", "", "ancient"), at("1", "2", "cli", "rest"), at("2", "3", "cli", "dropped", "rest"),
		at("3", "4", "added", "cli", "rest"), at("4", "", "added", "cli", "rest"),
	}
	patched := at("0.1", "", "ancient")
	patched.Why = "the vendor's patch to 1 comes first"
	m.Known = append(m.Known, patched)
	w.RPM(t, "--initdb")
	if install {
		w.Install(t)
	}
	return w
}

func lookAt(t *testing.T, w *rpmtest.World, in Input) []finding.Finding {
	t.Helper()
	in.Manifest, in.Dir, in.Root = w.Manifest, w.Dir, w.Root
	var found []finding.Finding
	for _, f := range Run(context.Background(), in) {
		if f.ID != "no-systemd" { // the test's own machine need not run systemd
			found = append(found, f)
		}
	}
	return found
}

func put(t *testing.T, w *rpmtest.World, packages ...rpmtest.Package) {
	t.Helper()
	for _, p := range packages {
		path := filepath.Join(t.TempDir(), "p.rpm")
		if err := os.WriteFile(path, rpmtest.Build(t, p), 0o600); err != nil {
			t.Fatal(err)
		}
		w.RPM(t, "-U", path)
	}
}

func command(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

func TestFindings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		empty bool // no product is installed
		host  func(t *testing.T, w *rpmtest.World)
		in    Input
		want  []string // "level id: part of what or do"
	}{
		{name: "nothing stands in the way"},
		{
			name: "an optional package lacks",
			host: func(t *testing.T, w *rpmtest.World) { w.RPM(t, "-e", "cli") },
		},
		{
			name: "already there", empty: true,
			host: func(t *testing.T, w *rpmtest.World) {
				put(t, w, rpmtest.Package{Name: "rest", Version: "3"}, rpmtest.Package{Name: "added", Version: "3"})
			},
			want: []string{"refuse already-there: 3 already"},
		},
		{
			name: "one release too old", empty: true,
			host: func(t *testing.T, w *rpmtest.World) { put(t, w, rpmtest.Package{Name: "rest", Version: "1"}) },
			want: []string{"refuse wrong-release: take test-upgrade-2 first, then this bundle"},
		},
		{
			name: "too new", empty: true,
			host: func(t *testing.T, w *rpmtest.World) {
				put(t, w, rpmtest.Package{Name: "rest", Version: "4"}, rpmtest.Package{Name: "added", Version: "4"})
			},
			want: []string{"refuse wrong-release: newer than 3"},
		},
		{
			name: "no way leads here", empty: true,
			host: func(t *testing.T, w *rpmtest.World) { put(t, w, rpmtest.Package{Name: "ancient", Version: "0"}) },
			want: []string{"refuse wrong-release: no bundle is for 0"},
		},
		{
			name: "no way leads here, and what to do", empty: true,
			host: func(t *testing.T, w *rpmtest.World) { put(t, w, rpmtest.Package{Name: "ancient", Version: "0.1"}) },
			want: []string{"refuse wrong-release: the vendor's patch to 1 comes first"},
		},
		{name: "not the product", empty: true, want: []string{"refuse not-installed: no package of Test"}},
		{
			name: "a hotfix",
			host: func(t *testing.T, w *rpmtest.World) {
				put(t, w, rpmtest.Package{Name: "rest", Version: "2", Release: "2.hotfix"})
			},
			want: []string{"refuse packages-differ: rest is 0:2-2.hotfix, not 0:2-1"},
		},
		{
			name: "a package of the new release beside the old",
			host: func(t *testing.T, w *rpmtest.World) { put(t, w, rpmtest.Package{Name: "added", Version: "3"}) },
			want: []string{"refuse packages-differ: added 0:3-1 does not belong to it"},
		},
		{
			name: "the bundle is damaged, and all is said at once",
			host: func(t *testing.T, w *rpmtest.World) {
				path := filepath.Join(w.Dir, "packages", "added-3-1.noarch.rpm")
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				data[len(data)-1] ^= 1
				if err := os.WriteFile(path, data, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(w.Dir, "note"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
				w.Write(t, "/opt/m/rest.py", "patched")
			},
			want: []string{"refuse bundle-damaged: packages/added-3-1.noarch.rpm has the sha256", "warn bundle-has-more: note", "warn changed-by-hand: /opt/m/rest.py"},
		},
		{
			name: "a package of the host needs what is dropped",
			host: func(t *testing.T, w *rpmtest.World) {
				put(t, w, rpmtest.Package{Name: "custom", Version: "1", Requires: []string{"dropped"}})
			},
			want: []string{"refuse needed-by-others: custom-1-1.noarch needs dropped"},
		},
		{
			name: "a file of another package is in the way",
			host: func(t *testing.T, w *rpmtest.World) {
				put(t, w, rpmtest.Package{Name: "squatter", Version: "1", Files: []rpmtest.File{{Path: "/opt/m/added.py", Body: "mine"}}})
			},
			want: []string{"refuse way-there-blocked: /opt/m/added.py"},
		},
		{
			name: "files of nobody are in the way",
			host: func(t *testing.T, w *rpmtest.World) { w.Write(t, "/opt/m/added.py", "mine") },
			want: []string{"warn file-in-the-way: /opt/m/added.py"},
		},
		{
			name: "a folder is in the way",
			host: func(t *testing.T, w *rpmtest.World) { w.Write(t, "/opt/m/added.py/x", "mine") },
			want: []string{"refuse path-blocked: /opt/m/added.py"},
		},
		{
			name: "changed by hand",
			host: func(t *testing.T, w *rpmtest.World) {
				w.Write(t, "/opt/m/rest.py", "patched")
				w.Write(t, "/opt/m/rest.conf", "a configuration is the host's")
				if err := os.Remove(w.Root + "/opt/m/dropped.py"); err != nil {
					t.Fatal(err)
				}
			},
			want: []string{"warn changed-by-hand: 2 files are not as their packages have them: /opt/m/dropped.py (dropped: it is missing); /opt/m/rest.py"},
		},
		{
			name: "version locks and excludes",
			host: func(t *testing.T, w *rpmtest.World) {
				w.Write(t, "/etc/yum/pluginconf.d/versionlock.list", "# comment\n0:bash-4.2-1.*\n0:rest-2-1.*\n")
				w.Write(t, "/etc/dnf/dnf.conf", "[main]\ngpgcheck=1\nexcludepkgs=kernel*,\n  dropped cli\nbest=True\n")
				w.Write(t, "/etc/yum.repos.d/x.repo", "[x]\nexclude = glibc\nname = rest\n")
			},
			want: []string{"warn version-lock: versionlock.list locks packages of Test: 0:rest-2-1.*", "warn excluded: dnf.conf excludes packages of Test: dropped, cli"},
		},
		{
			name: "immutable",
			host: func(t *testing.T, w *rpmtest.World) {
				command(t, "chattr", "+i", w.Root+"/opt/m/rest.py")
				t.Cleanup(func() { command(t, "chattr", "-i", w.Root+"/opt/m/rest.py") })
			},
			want: []string{"refuse immutable: /opt/m/rest.py"},
		},
		{
			name: "no room",
			in: Input{Needs: []func(context.Context) ([]Need, error){func(context.Context) ([]Need, error) {
				return []Need{{Path: "/var/lib/x", Bytes: 1 << 60, What: "dump of the database"}}, nil
			}}},
			want: []string{"refuse no-room: dump of the database"},
		},
		{
			name: "nothing stands in the way of packages that are compressed together",
			host: func(t *testing.T, w *rpmtest.World) { w.Compress(t) },
		},
		{
			name: "no room to rebuild packages",
			host: func(t *testing.T, w *rpmtest.World) {
				w.Compress(t)
				rebuilt(t, w, "packages/added-3-1.noarch.rpm").Size = 1 << 60
			},
			want: []string{"refuse no-room: 1099511627777 MB rebuilt packages"},
		},
		{
			name: "no room to rebuild the package of the way back",
			host: func(t *testing.T, w *rpmtest.World) {
				w.Compress(t)
				rebuilt(t, w, "rollback/dropped-2-1.noarch.rpm").Size = 1 << 60
			},
			want: []string{"refuse no-room: 1099511627777 MB rebuilt packages"},
		},
		{
			name: "a head is damaged",
			host: func(t *testing.T, w *rpmtest.World) {
				w.Compress(t)
				flip(t, filepath.Join(w.Dir, "packages/added-3-1.noarch.rpm.head"), 20) // of the name in the lead, which rpm does not read
			},
			want: []string{"refuse bundle-damaged: packages/added-3-1.noarch.rpm.head has the sha256"},
		},
		{
			name: "payloads that are compressed together are damaged",
			host: func(t *testing.T, w *rpmtest.World) {
				w.Compress(t)
				flip(t, filepath.Join(w.Dir, "solid/rest.zst"), 100)
			},
			want: []string{"refuse bundle-damaged: solid/rest.zst has the sha256"},
		},
		{
			name: "a check that could not be made",
			in: Input{Needs: []func(context.Context) ([]Need, error){func(context.Context) ([]Need, error) {
				return nil, fmt.Errorf("no answer")
			}}},
			want: []string{"refuse check-failed: no answer"},
		},
		{
			name: "findings of other checks",
			in: Input{Others: []Check{func(context.Context) []finding.Finding {
				return []finding.Finding{{ID: "other", Level: finding.Warn, What: "of another check"}}
			}}},
			want: []string{"warn other: of another check"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := world(t, !tt.empty)
			if tt.host != nil {
				tt.host(t, w)
			}
			before := snapshot(t, w.Root)
			found := lookAt(t, w, tt.in)
			if after := snapshot(t, w.Root); after != before {
				t.Errorf("the host was changed:\n%s\nwas\n%s", after, before)
			}
			compare(t, found, tt.want)
		})
	}
}

// rebuilt is what the manifest says of a package that is rebuilt.
func rebuilt(t *testing.T, w *rpmtest.World, file string) *manifest.Rebuilt {
	t.Helper()
	_, r := w.Manifest.Rebuilt(file)
	if r == nil {
		t.Fatalf("%s is not rebuilt", file)
	}
	return r
}

// flip changes a bit of a file.
func flip(t *testing.T, path string, at int) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[at] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func compare(t *testing.T, found []finding.Finding, want []string) {
	t.Helper()
	var got []string
	for _, f := range found {
		got = append(got, fmt.Sprintf("%s %s: %s -> %s", f.Level, f.ID, f.What, f.Do))
		if f.Do == "" && f.ID != "other" {
			t.Errorf("%s does not say what to do", f.ID)
		}
	}
	fit := len(got) == len(want)
	for i := 0; fit && i < len(want); i++ {
		head, part, _ := strings.Cut(want[i], ": ")
		fit = strings.HasPrefix(got[i], head+": ") && strings.Contains(got[i], part)
	}
	if !fit {
		t.Errorf("found:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// snapshot tells everything about the files of a root but for what only
// reading rpm's database leaves beside it.
func snapshot(t *testing.T, root string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || strings.HasPrefix(path, root+"/root/.rpmdb") {
			return err
		}
		info, err := d.Info()
		all = append(all, fmt.Sprintf("%s %v %d %s", strings.TrimPrefix(path, root), info.Mode(), info.Size(), info.ModTime().Format(time.RFC3339Nano)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(all)
	return strings.Join(all, "\n")
}

// TestInsideAScriptlet looks at the host while a transaction around it is open,
// as it is when the bundle's own %posttrans asks.
func TestInsideAScriptlet(t *testing.T) {
	t.Parallel()
	w := world(t, true)
	path := filepath.Join(t.TempDir(), "p.rpm")
	outer := rpmtest.Package{Name: "bundle", Version: "1", Post: "echo > /inside; while [ -e /inside ] && [ ! -e /go-on ]; do sleep 0.1; done\n"}
	if err := os.WriteFile(path, rpmtest.Build(t, outer), 0o600); err != nil {
		t.Fatal(err)
	}
	install := exec.Command("rpm", "--root", w.Root, "-U", path)
	if err := install.Start(); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(w.Root + "/inside"); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	found := lookAt(t, w, Input{})
	w.Write(t, "/go-on", "")
	if err := install.Wait(); err != nil {
		t.Fatal(err)
	}
	// The rpm around it is not this process's ancestor here, so it is told of.
	compare(t, found, []string{"warn package-manager-busy: rpm --root"})
}

func TestReadOnly(t *testing.T) {
	w := world(t, true)
	dir := w.Root + "/usr/bin"
	command(t, "mount", "-t", "tmpfs", "-o", "ro", "none", dir)
	t.Cleanup(func() { command(t, "umount", dir) })
	var ids []string
	for _, f := range lookAt(t, w, Input{}) {
		ids = append(ids, f.ID)
	}
	if got := strings.Join(ids, " "); !strings.Contains(got, "read-only") {
		t.Errorf("found %s", got)
	}
}

func TestIsAncestor(t *testing.T) {
	t.Parallel()
	if !isAncestor(os.Getppid()) || isAncestor(os.Getpid()) {
		t.Error("a parent is one, a process itself is not")
	}
}
