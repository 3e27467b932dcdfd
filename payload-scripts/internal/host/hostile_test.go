package host_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/host/hosttest"
)

// Root goes on until it has done each thing enough times while it was attacked:
// enough to hit a window between two calls on a name nearly every time. rounds
// bounds it.
const (
	enough = 20
	rounds = 20000
)

// TestNothingOutsideIsTouched does everything that host does to a path, while
// the owner of a folder on the way swaps it, and what is in it, for links and
// others.
func TestNothingOutsideIsTouched(t *testing.T) {
	t.Parallel()
	root := hosttest.Folder(t)
	app, victim := root+"/app", root+"/victim"
	for _, dir := range []string{app + "/conf", victim + "/conf", root + "/own"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{victim + "/file", victim + "/conf/file", victim + "/.file.123~"} {
		if err := os.WriteFile(f, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(app+"/conf/file", []byte("his"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{app, app + "/conf", app + "/conf/file"} {
		if err := os.Chown(p, hosttest.User, hosttest.User); err != nil {
			t.Fatal(err)
		}
	}
	before := hosttest.Shot(t, victim)
	swaps := 0
	stop := hosttest.AsUser(t, func(n int) {
		conf := app + "/conf"
		switch n % 5 {
		case 0:
			if os.Rename(conf, app+"/away") == nil && os.Symlink(victim, conf) == nil {
				swaps++
			}
		case 1:
			_ = os.Remove(conf)
			_ = os.Rename(app+"/away", conf)
		case 2:
			_ = os.Rename(conf+"/file", conf+"/other")
			_ = os.Symlink("../../victim/file", conf+"/file")
		case 3:
			_ = os.Remove(conf + "/file")
			_ = unix.Mkfifo(conf+"/file", 0o666)
		case 4:
			_ = os.RemoveAll(conf + "/file")
			_ = os.Rename(conf+"/other", conf+"/file")
		}
	})
	path, made := app+"/conf/file", app+"/conf/made"
	did := map[string]int{}
	count := func(what string, err error) {
		if err == nil {
			did[what]++
		}
	}
	done := func() bool {
		for _, what := range []string{"write", "exact", "copy", "mkdir", "rmdir", "sweep", "sync", "syncdir", "remove", "read", "attributes"} {
			if did[what] < enough {
				return false
			}
		}
		return true
	}
	for n := 0; n < rounds && !done(); n++ {
		count("write", host.WriteFile(path, []byte("new"), host.Attr{Mode: 0o666, UID: hosttest.User, GID: hosttest.User}))
		count("exact", host.WriteExact(path, []byte("new"), host.File{Attr: host.Attr{Mode: 0o666}, Xattrs: map[string][]byte{"user.x": nil}}))
		count("copy", host.CopyFile(path, fmt.Sprintf("%s/own/copy%d", root, n%3)))
		count("mkdir", host.Mkdir(made, host.Attr{Mode: 0o777, UID: hosttest.User}, nil))
		count("rmdir", host.RemoveEmpty(made))
		count("sweep", host.Sweep(path))
		count("sync", host.SyncFS(path))
		count("syncdir", host.SyncDir(filepath.Dir(path)))
		if n%8 == 0 {
			count("remove", host.Remove(path))
		}
		if data, err := host.ReadFile(path, 1<<10); err == nil {
			did["read"]++
			if string(data) == "precious" {
				t.Error("what is not the user's was read")
			}
		}
		if n, err := host.OpenPath(path); err == nil {
			if n.Stat.Uid == hosttest.User {
				count("attributes", n.SetAttr(host.Attr{Mode: 0o600, UID: hosttest.User}, nil, unix.Timespec{}))
			}
			n.Close()
		}
	}
	attacks := stop()
	t.Logf("%d moves of the attacker, %d swaps of the folder; root did %v", attacks, swaps, did)
	if swaps < enough || !done() {
		t.Errorf("hardly attacked: %d swaps, root did %v", swaps, did)
	}
	if after := hosttest.Shot(t, victim); after != before {
		t.Errorf("what is not the user's was changed:\n%s\nbefore:\n%s", after, before)
	}
	for n := range 3 {
		if data, err := os.ReadFile(fmt.Sprintf("%s/own/copy%d", root, n)); err == nil && string(data) == "precious" {
			t.Errorf("%q was copied", data)
		}
	}
}
