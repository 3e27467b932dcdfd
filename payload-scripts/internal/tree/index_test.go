package tree

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestIndexKeepsEverything(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/0.index"
	want := index{}
	for _, e := range []*entry{
		{Path: ".", Mode: unix.S_IFDIR | 0o2750, UID: 1, GID: 2, MTime: -1, Dev: 1 << 60, Ino: 1 << 63, CTime: 5},
		{Path: "a\xff%/b\n", Mode: unix.S_IFREG | 0o4755, Size: 1 << 40, SHA256: "00ff", Racy: true, Flags: 0x30, Xattrs: map[string][]byte{"user.x": {0, 255}, "user.empty": {}}},
		{Path: "link", Mode: unix.S_IFLNK | 0o777, Link: "../\xfe%25 ü"},
		{Path: "dev", Mode: unix.S_IFBLK | 0o600, Rdev: 1<<40 | 7},
	} {
		want[string(e.Path)] = e
	}
	for range 2 {
		ok(t, writeIndex(file, want))
		got, err := readIndex(file)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v\n%+v\n%+v", err, got, want)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil || !strings.HasPrefix(string(data), `{"path":".",`) || strings.Count(string(data), "\n") != len(want) {
		t.Errorf("%v\n%s", err, data)
	}
	ok(t, writeIndex(file, nil))
	if got, err := readIndex(file); err != nil || len(got) != 0 {
		t.Error(got, err)
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Error("left behind:", left, err)
	}
}

func TestDamagedIndex(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := `{"path":"a","mode":33188,"uid":0,"gid":0,"mtime":1,"ino":2,"ctime":3}` + "\n"
	for name, text := range map[string]string{
		"cut off":             good + good[:20],
		"no JSON":             good + "nonsense\n",
		"another type":        `{"path":7}` + "\n",
		"cut off escape":      `{"path":"a%4"}` + "\n",
		"escape of no number": `{"path":"a%zz"}` + "\n",
		"a list":              "[1,2]\n",
		"zeros":               "\x00\x00\x00\x00", // a file that was not synced when the power failed
	} {
		ok(t, os.WriteFile(dir+"/0.index", []byte(text), 0o600))
		got, err := readIndex(dir + "/0.index")
		if err == nil || got != nil || !strings.Contains(err.Error(), dir+"/0.index") {
			t.Errorf("%s: %v %v", name, got, err)
		}
		if _, err := (Copy{Dir: dir, Name: "0"}).Load(); err == nil {
			t.Errorf("%s is taken for a complete copy", name)
		}
	}
	if _, err := (Copy{Dir: dir, Name: "1"}).Load(); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestIndexErrors(t *testing.T) {
	t.Parallel()
	if err := writeIndex("/proc/self/nowhere", nil); err == nil {
		t.Error("written to nowhere")
	}
	dir := t.TempDir()
	ok(t, os.MkdirAll(dir+"/0.index/x", 0o700))
	if err := writeIndex(dir+"/0.index", nil); err == nil || !strings.Contains(err.Error(), "write "+dir+"/0.index") {
		t.Error(err)
	}
	ok(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=16k"))
	defer unix.Unmount(dir, unix.MNT_DETACH)
	ok(t, writeIndex(dir+"/1.index", index{"a": {Path: "a"}}))
	large := index{}
	for _, p := range strings.Split(strings.Repeat("0123456789 abcdef ", 500), " ") {
		large[p+strings.Repeat("x", len(large))] = &entry{Path: name(p + strings.Repeat("x", len(large)))}
	}
	if err := writeIndex(dir+"/1.index", large); !errors.Is(err, unix.ENOSPC) {
		t.Error(err)
	}
	if got, err := readIndex(dir + "/1.index"); err != nil || len(got) != 1 {
		t.Error("the index before is lost:", got, err)
	}
}

// FuzzIndex: whatever is read is written and read the same.
func FuzzIndex(f *testing.F) {
	f.Add(`{"path":".","mode":16872,"uid":0,"gid":0,"mtime":1,"ino":2,"ctime":3,"xattrs":{"user.x":"AA=="}}` + "\n" + `{"path":"a%FF","link":"%25"}`)
	f.Add(`{"path":"a"}{"path":"a"}`)
	f.Add(`{"path":"%"}`)
	f.Add("null\n")
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		ok(t, os.WriteFile(dir+"/in", []byte(text), 0o600))
		x, err := readIndex(dir + "/in")
		if err != nil {
			if x != nil {
				t.Error("an index and an error")
			}
			return
		}
		ok(t, writeIndex(dir+"/out", x))
		again, err := readIndex(dir + "/out")
		if err != nil {
			t.Fatal(err)
		}
		one, _ := json.Marshal(x)
		two, _ := json.Marshal(again)
		if string(one) != string(two) {
			t.Errorf("%s became %s", one, two)
		}
	})
}

// FuzzName: every name of a file, and nothing else, comes back as it was.
func FuzzName(f *testing.F) {
	for _, s := range []string{"", "a/b", "ü%\xff/\n", "%41", "\xc3", "a\xe9 %E9", "\xed\xa0\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		data, err := json.Marshal(map[string]name{"n": name(s)})
		ok(t, err)
		var back map[string]name
		if err := json.Unmarshal(data, &back); err != nil || string(back["n"]) != s {
			t.Errorf("%q became %q: %v", s, back["n"], err)
		}
	})
}
