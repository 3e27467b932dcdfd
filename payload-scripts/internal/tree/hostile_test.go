package tree

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host/hosttest"
)

const (
	enough  = 60   // times that root succeeds while it is attacked
	rounds  = 3000 // and how often it tries at most
	secrets = 200  // files of root's
)

// TestTheOwnerOfATreeLeadsNobodyOut saves and restores a tree while its owner
// swaps what is in it: for links, for FIFOs, and for files of root's that lie in
// his own folder. Nothing outside is read or written, and no file of root's
// becomes his.
func TestTheOwnerOfATreeLeadsNobodyOut(t *testing.T) {
	t.Parallel()
	root := hosttest.Folder(t)
	at, victim := root+"/app/state", root+"/victim"
	for _, f := range []string{"/app/state/a", "/app/state/dir/a", "/app/state/dir/deep/a", "/app/state/empty/x"} {
		ok(t, os.MkdirAll(filepath.Dir(root+f), 0o755))
		ok(t, os.WriteFile(root+f, []byte("his"), 0o644))
	}
	ok(t, os.Remove(at+"/empty/x"))
	ok(t, filepath.WalkDir(root+"/app", func(p string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Chown(p, hosttest.User, hosttest.User))
	}))
	for _, f := range []string{"/victim/a", "/victim/dir/a"} {
		ok(t, os.MkdirAll(filepath.Dir(root+f), 0o755))
		ok(t, os.WriteFile(root+f, []byte("outside"), 0o644))
	}
	copyOf := Copy{Dir: root + "/backup", Name: "0"}
	ok(t, os.Mkdir(copyOf.Dir, 0o700))
	ctx := context.Background()
	ok(t, copyOf.Save(ctx, at, false))
	saved, err := copyOf.Load()
	ok(t, err)
	for n := range secrets { // not his, but in a folder of his
		ok(t, os.WriteFile(fmt.Sprintf("%s/app/%d", root, n), []byte("secret"), 0o600))
	}
	before := hosttest.Shot(t, victim)

	names := []string{"/a", "/dir", "/dir/a", "/dir/deep", "/empty", "/.a.upgrade~", "/dir/.a.upgrade~"}
	stop := hosttest.AsUser(t, func(n int) {
		if n%8 != 0 { // a file of root's, not his but in a folder of his, takes the place of one of his, and back
			swap(root+"/app/"+strconv.Itoa(n/8%secrets), at+[]string{"/a", "/dir/a"}[n/4%2])
			return
		}
		name := at + names[n/24%len(names)]
		switch n / 8 % 3 {
		case 0:
			_ = os.Rename(name, name+".away")
			_ = os.Symlink(victim+"/dir", name)
		case 1:
			_ = os.Remove(name)
			_ = os.Rename(name+".away", name)
		case 2:
			_ = unix.Mkfifo(name, 0o666)
		}
	})
	restored, saves := 0, 0
	for n := 0; n < rounds && (restored < enough || saves < enough); n++ {
		if saved.Restore(ctx, at) == nil {
			restored++
		}
		other := Copy{Dir: copyOf.Dir, Name: "1"}
		if other.Save(ctx, at, n%2 == 0) == nil {
			saves++
			if out := find(t, root+"/backup/1", "outside", func(*unix.Stat_t) bool { return true }); len(out) > 0 {
				t.Fatal("saved from outside:", out)
			}
		}
		_, _ = saved.Differences(ctx, at)
		_, _ = Size(ctx, at)
	}
	attacks := stop()
	t.Logf("%d moves of the attacker, %d times restored, %d times saved", attacks, restored, saves)
	if attacks < 100 || restored == 0 || saves == 0 {
		t.Errorf("hardly attacked: %d moves, %d times restored, %d times saved", attacks, restored, saves)
	}
	if after := hosttest.Shot(t, victim); after != before {
		t.Errorf("what is not the user's was changed:\n%s\nbefore:\n%s", after, before)
	}
	if his := find(t, root+"/app", "secret", func(st *unix.Stat_t) bool { return st.Uid != 0 || st.Mode&0o077 != 0 }); len(his) > 0 {
		t.Error("root's files became the user's:", his)
	}
	ok(t, saved.Restore(ctx, at))
	if wrong, err := saved.Differences(ctx, at); err != nil || len(wrong) > 0 {
		t.Error("not restored in the end:", wrong, err)
	}
}

// swap exchanges two names in one step.
func swap(a, b string) {
	_ = unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}

// find returns the regular files below a path that hold a text and that which is true of.
func find(t *testing.T, path, text string, which func(*unix.Stat_t) bool) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(path, func(p string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(p, &st); err != nil {
			return err
		}
		if strings.Contains(string(data), text) && which(&st) {
			out = append(out, p)
		}
		return nil
	})
	ok(t, err)
	return out
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
