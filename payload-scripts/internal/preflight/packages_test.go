package preflight

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/packages/rpmtest"
)

// TestMachinesAsTheyAre provokes each finding about the packages' files that is no fault of anybody.
func TestMachinesAsTheyAre(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		host func(t *testing.T, w *rpmtest.World)
		want []string
	}{
		"a folder behind root's link": {
			host: func(t *testing.T, w *rpmtest.World) { moved(t, w, 0) },
		},
		"a folder behind another's link": {
			host: func(t *testing.T, w *rpmtest.World) { moved(t, w, 991) },
			want: []string{"warn changed-by-hand: /opt/m/rest.py", "refuse package-link: /opt/m is a symbolic link that does not belong to root"},
		},
		"a file that is a mount": {
			host: func(t *testing.T, w *rpmtest.World) {
				w.Write(t, "/srv/rest.py", "rest 2")
				command(t, "mount", "--bind", w.Root+"/srv/rest.py", w.Root+"/opt/m/rest.py")
				t.Cleanup(func() { command(t, "umount", w.Root+"/opt/m/rest.py") })
			},
			want: []string{"refuse file-mounted: /opt/m/rest.py"},
		},
		"a capability": {
			host: func(t *testing.T, w *rpmtest.World) {
				value := []byte{1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
				if err := unix.Lsetxattr(w.Root+"/usr/bin/cfy", "security.capability", value, 0); err != nil {
					t.Fatal(err)
				}
			},
			want: []string{"warn attributes-by-hand: /usr/bin/cfy (security.capability)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world(t, true)
			c.host(t, w)
			before := snapshot(t, w.Root)
			found := lookAt(t, w, Input{})
			if after := snapshot(t, w.Root); after != before {
				t.Errorf("the host was changed:\n%s\nwas\n%s", after, before)
			}
			compare(t, found, c.want)
		})
	}
}

// moved puts the product's folder elsewhere, behind a link of somebody's.
func moved(t *testing.T, w *rpmtest.World, owner int) {
	t.Helper()
	if err := errors.Join(os.Mkdir(w.Root+"/srv", 0o755), os.Rename(w.Root+"/opt/m", w.Root+"/srv/m"), os.Symlink("../srv/m", w.Root+"/opt/m"), os.Lchown(w.Root+"/opt/m", owner, owner)); err != nil {
		t.Fatal(err)
	}
}

func TestRelocated(t *testing.T) {
	t.Parallel()
	old := rpmtest.Package{Name: "app", Version: "1", Prefixes: []string{"/opt/app"}, Files: []rpmtest.File{{Path: "/opt/app/bin", Body: "1"}}}
	now := rpmtest.Package{Name: "app", Version: "2", Prefixes: []string{"/opt/app"}, Files: []rpmtest.File{{Path: "/opt/app/bin", Body: "2"}}}
	w := rpmtest.New(t, []rpmtest.Package{old}, []rpmtest.Package{now})
	w.RPM(t, "-U", "--relocate", "/opt/app=/data/app", filepath.Join(w.Dir, w.Manifest.Old[0].File))
	compare(t, lookAt(t, w, Input{}), []string{
		"warn changed-by-hand: /opt/app/bin (app: it is missing)", "refuse relocated: app (/opt/app is at /data/app)",
	})
}
