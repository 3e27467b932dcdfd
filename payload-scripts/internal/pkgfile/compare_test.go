package pkgfile

import (
	"crypto"
	"io/fs"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestCompareFile(t *testing.T) {
	t.Parallel()
	with := func(w Want, change func(w *Want)) Want {
		change(&w)
		return w
	}
	for name, c := range map[string]struct {
		host func(t *testing.T, root string)
		want Want
		got  string // begins with; "" when nothing is different
		attr bool
	}{
		"as it must be":  {func(t *testing.T, r string) { write(t, r, "/a", "body") }, file("/a", "body"), "", false},
		"missing":        {func(*testing.T, string) {}, file("/a", "body"), "it is missing", false},
		"below a file":   {func(t *testing.T, r string) { write(t, r, "/a", "") }, file("/a/b", "body"), "it is missing", false},
		"may be missing": {func(*testing.T, string) {}, with(file("/a", "x"), func(w *Want) { w.Optional = true }), "", false},
		"should be absent and is": {
			func(*testing.T, string) {}, Want{Path: "/a", Absent: true}, "", false,
		},
		"should be absent and is not": {
			func(t *testing.T, r string) { write(t, r, "/a", "x") }, Want{Path: "/a", Absent: true}, "it is -rw-r--r--", false,
		},
		"a link that should be absent": {
			func(t *testing.T, r string) { symlink(t, r, "/a", "b") }, Want{Path: "/a", Absent: true}, "it is L", false,
		},
		"another size":    {func(t *testing.T, r string) { write(t, r, "/a", "bodies") }, file("/a", "body"), "it has 6 bytes", false},
		"emptied":         {func(t *testing.T, r string) { write(t, r, "/a", "") }, file("/a", "body"), Empty, false},
		"another content": {func(t *testing.T, r string) { write(t, r, "/a", "bodY") }, file("/a", "body"), "its SHA-256 is ", false},
		"content varies": {
			func(t *testing.T, r string) { write(t, r, "/a", "other") }, with(file("/a", "body"), func(w *Want) { w.IgnoreContent = true }), "", false,
		},
		"a folder for a file": {func(t *testing.T, r string) { write(t, r, "/a/b", "") }, file("/a", "body"), "it is d", false},
		"a file for a folder": {func(t *testing.T, r string) { write(t, r, "/a", "") }, dir("/a"), "it is -rw-r--r--", false},
		"a FIFO for a file": {
			func(t *testing.T, r string) { must(t, unix.Mkfifo(r+"/a", 0o644)) }, file("/a", "body"), "it is prw-r--r--", false,
		},
		"a FIFO that should be one": {
			func(t *testing.T, r string) { must(t, unix.Mkfifo(r+"/a", 0o644)); must(t, os.Chmod(r+"/a", 0o644)) },
			Want{Path: "/a", Mode: fs.ModeNamedPipe | 0o644}, "", false,
		},
		"another mode": {
			func(t *testing.T, r string) {
				write(t, r, "/a", "body")
				must(t, os.Chmod(r+"/a", 0o755|os.ModeSetuid))
			}, file("/a", "body"), "it is urwxr-xr-x 0:0", true,
		},
		"another owner": {
			func(t *testing.T, r string) { write(t, r, "/a", "body"); must(t, os.Chown(r+"/a", user, 3)) }, file("/a", "body"), "it is -rw-r--r-- 991:3", true,
		},
		"mode and owner do not count": {
			func(t *testing.T, r string) { write(t, r, "/a", "body"); must(t, os.Chown(r+"/a", user, 3)) },
			with(file("/a", "body"), func(w *Want) { w.IgnoreAttr = true }), "", false,
		},
		"a link":         {func(t *testing.T, r string) { symlink(t, r, "/a", "b") }, link("/a", "b"), "", false},
		"another target": {func(t *testing.T, r string) { symlink(t, r, "/a", "c") }, link("/a", "b"), "it is a link to c", false},
		"a link's owner": {
			func(t *testing.T, r string) { symlink(t, r, "/a", "b"); must(t, os.Lchown(r+"/a", user, user)) }, link("/a", "b"), "it is L", true,
		},
		"attributes that should be there": {
			func(t *testing.T, r string) { write(t, r, "/a", "body") },
			with(file("/a", "body"), func(w *Want) { w.Xattrs = map[string][]byte{capabilityName: capability} }), "it has no extended attributes", true,
		},
		"attributes that should not be there": {
			func(t *testing.T, r string) {
				write(t, r, "/a", "body")
				setXattr(t, r+"/a", capabilityName, capability)
			},
			with(file("/a", "body"), func(w *Want) { w.Xattrs = map[string][]byte{} }), "it has " + capabilityName, true,
		},
		"attributes do not count": {
			func(t *testing.T, r string) {
				write(t, r, "/a", "body")
				setXattr(t, r+"/a", capabilityName, capability)
			}, file("/a", "body"), "", false,
		},
		"a folder behind root's link": {
			func(t *testing.T, r string) { write(t, r, "/data/a/f", ""); symlink(t, r, "/a", "data/a") }, dir("/a"), "", false,
		},
		"mode of a folder behind root's link": {
			func(t *testing.T, r string) {
				write(t, r, "/data/a/f", "")
				must(t, os.Chmod(r+"/data/a", 0o700))
				symlink(t, r, "/a", "data/a")
			}, dir("/a"), "it is drwx------ 0:0", true,
		},
		"a folder behind another's link": {
			func(t *testing.T, r string) {
				write(t, r, "/data/a/f", "")
				symlink(t, r, "/a", "data/a")
				must(t, os.Lchown(r+"/a", user, user))
			}, dir("/a"), "/", false,
		},
		"a file below another's link": {
			func(t *testing.T, r string) {
				write(t, r, "/data/a/f", "body")
				symlink(t, r, "/a", "data/a")
				must(t, os.Lchown(r+"/a", user, user))
			}, file("/a/f", "body"), "/", false,
		},
		"a link to nowhere for a folder": {
			func(t *testing.T, r string) { symlink(t, r, "/a", "nowhere") }, dir("/a"), "it is a link that leads to no folder", false,
		},
		"a link to a file for a folder": {
			func(t *testing.T, r string) { write(t, r, "/f", ""); symlink(t, r, "/a", "f") }, dir("/a"), "it is a link that leads to no folder", false,
		},
		"a link to a file for that file": {
			func(t *testing.T, r string) { write(t, r, "/f", "body"); symlink(t, r, "/a", "f") }, file("/a", "body"), "it is L", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := newRoot(t)
			c.host(t, root)
			comparer := &Comparer{Root: root}
			got, attr, err := comparer.Compare(c.want)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(got, c.got) || c.got == "" && got != "" {
				t.Errorf("got %q, want %q", got, c.got)
			}
			if got != "" && attr != c.attr {
				t.Errorf("%s: only attributes: %v", got, attr)
			}
		})
	}
}

// TestSeveralNamesAreReadOnce is about git or busybox: 150 names of one file of 20 MB.
func TestSeveralNamesAreReadOnce(t *testing.T) {
	t.Parallel()
	root := newRoot(t)
	write(t, root, "/a", "body")
	for _, name := range []string{"/b", "/c"} {
		must(t, os.Link(root+"/a", root+name))
	}
	write(t, root, "/alone", "body")
	comparer := &Comparer{Root: root}
	for _, path := range []string{"/a", "/b", "/c", "/alone"} {
		if got, _, err := comparer.Compare(file(path, "body")); got != "" || err != nil {
			t.Errorf("%s: %s %v", path, got, err)
		}
	}
	if len(comparer.read) != 1 {
		t.Errorf("remembers %d files, there is one with several names", len(comparer.read))
	}
	must(t, os.WriteFile(root+"/b", []byte("BODY"), 0o600))
	if got, _, err := comparer.Compare(file("/c", "body")); got == "" || err != nil {
		t.Errorf("what was written since is not seen: %v", err)
	}
}

func TestAnUnknownDigest(t *testing.T) {
	t.Parallel()
	root := newRoot(t)
	write(t, root, "/a", "body")
	w := file("/a", "body")
	w.Algo = crypto.Hash(99)
	comparer := &Comparer{Root: root}
	if _, _, err := comparer.Compare(w); err == nil {
		t.Error("a digest that cannot be made is taken for right")
	}
}

func TestExtra(t *testing.T) {
	t.Parallel()
	root := newRoot(t)
	write(t, root, "/plain", "")
	write(t, root, "/a", "")
	setXattr(t, root+"/a", capabilityName, capability)
	setXattr(t, root+"/a", aclName, acl)
	symlink(t, root, "/link", "a")
	caps := file("/a", "")
	caps.Caps = true
	for _, c := range []struct {
		want Want
		text string
	}{
		{file("/plain", ""), ""}, {file("/gone", ""), ""}, {link("/link", "a"), ""},
		{file("/a", ""), capabilityName + " " + aclName}, {caps, aclName},
	} {
		comparer := &Comparer{Root: root}
		if got, err := comparer.Extra(c.want); err != nil || strings.Join(got, " ") != c.text {
			t.Errorf("%s: %v, want %s: %v", c.want.Path, got, c.text, err)
		}
	}
}

func TestWantForPeople(t *testing.T) {
	t.Parallel()
	restored := file("/a", "body")
	restored.Xattrs = map[string][]byte{capabilityName: nil, aclName: nil}
	for _, c := range []struct {
		want Want
		text string
	}{
		{Want{Absent: true}, "no file, as before the upgrade"},
		{file("/a", "body"), "-rw-r--r-- 0:0, 4 bytes, SHA-256 230d8358dc8e..."},
		{link("/a", "b"), "link to b"},
		{dir("/a"), "drwxr-xr-x 0:0"},
		{restored, "-rw-r--r-- 0:0, 4 bytes, SHA-256 230d8358dc8e... with " + capabilityName + ", " + aclName},
	} {
		if got := c.want.String(); got != c.text {
			t.Errorf("got  %s\nwant %s", got, c.text)
		}
	}
}
