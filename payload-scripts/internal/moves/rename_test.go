package moves

import (
	"errors"
	"os"
	"strings"
	"testing"

	"onerpm/payload-scripts/internal/host"
)

func TestRename(t *testing.T) {
	t.Parallel()
	inode := func(path string) uint64 {
		is, err := inodeAt(host.Name(path))
		ok(t, err)
		return is
	}
	write := func(path, text string) { ok(t, os.WriteFile(path, []byte(text), 0o600)) }
	for name, c := range map[string]struct {
		change func(dir string)
		want   string // in the error; "" for none
	}{
		"a file":                     {func(string) {}, ""},
		"something is there":         {func(dir string) { write(dir+"/to/b", "theirs") }, "file exists"},
		"an empty folder is there":   {func(dir string) { ok(t, os.Mkdir(dir+"/to/b", 0o700)) }, "file exists"},
		"a link to nowhere is there": {func(dir string) { ok(t, os.Symlink("nowhere", dir+"/to/b")) }, "file exists"},
		"another file in its place":  {func(dir string) { write(dir+"/x", "another"); ok(t, os.Rename(dir+"/x", dir+"/a")) }, "somebody replaced it"},
		"nothing in its place":       {func(dir string) { ok(t, os.Remove(dir+"/a")) }, "no such file"},
		"no folder to move it into":  {func(dir string) { ok(t, os.Remove(dir+"/to")) }, "no such file"},
		"a link of another's leads in": {func(dir string) {
			ok(t, os.Rename(dir+"/to", dir+"/real"))
			ok(t, os.Symlink("real", dir+"/to"))
			ok(t, os.Lchown(dir+"/to", 7, 7))
		}, "link"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(dir+"/a", "mine")
			ok(t, os.Mkdir(dir+"/to", 0o755))
			is := inode(dir + "/a")
			write(dir+"/keeps the inode from coming back", "")
			c.change(dir)
			err := rename(dir+"/a", dir+"/to/b", is)
			switch {
			case c.want == "":
				if got, _ := os.ReadFile(dir + "/to/b"); err != nil || string(got) != "mine" || inode(dir+"/to/b") != is {
					t.Errorf("%v, there is %q", err, got)
				}
				if _, err := os.Lstat(dir + "/a"); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("the old name: %v", err)
				}
			case err == nil || !strings.Contains(err.Error(), c.want):
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
