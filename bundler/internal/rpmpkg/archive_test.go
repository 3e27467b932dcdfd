package rpmpkg_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/cpio"
	"onerpm/internal/rpmfile"
)

func member(name string, mode int, size int64) string {
	s := fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00", 1, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, len(name)+1, 0, name)
	return s + strings.Repeat("\x00", -len(s)&3)
}

const end = "070701" + "00000000000000000000000000000000000000010000000000000000000000000000000000000000000000000000000b00000000" + "TRAILER!!!\x00\x00\x00\x00"

func TestArchive(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_001)
	in := strings.NewReader(member("./d", 0o40755, 0) + member("./a", 0o100644, 3) + "abc\x00" + member("./skipped", 0o100644, 5) + "12345\x00\x00\x00" +
		member("./long", 0o100600, 100_001) + long + "\x00\x00\x00" + end + "behind")
	reads(t, nil, in, "./skipped", "./d 40755 0  0\n./a 100644 3 abc 3\n./skipped 100644 5 ... 3\n./long 100600 100001 xxxxx 100001\n")
}

// reads reads an archive that is followed by "behind", but for the content of one entry, and compares what it has with what is wanted.
func reads(t *testing.T, files []rpmfile.FileInfo, in *strings.Reader, skip, want string) {
	t.Helper()
	a := rpmpkg.NewArchive(files, in)
	var got strings.Builder
	for {
		m, err := a.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content := []byte("...")
		if m.Name != skip {
			if content, err = io.ReadAll(a); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Fprintf(&got, "%s %o %d %.5s %d\n", m.Name, m.Mode, m.Size, content, len(content))
	}
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
	if rest, err := io.ReadAll(in); err != nil || string(rest) != "behind" {
		t.Errorf("behind the archive there is %q, %v", rest, err)
	}
}

// What go-rpmutils would take memory for, panic at or pass over never comes to it.
func TestArchiveDamaged(t *testing.T) {
	t.Parallel()
	head := func(size, name string) string {
		return "070701" + strings.Repeat("0", 6*8) + size + strings.Repeat("0", 4*8) + name + strings.Repeat("0", 8)
	}
	for what, archive := range map[string]string{
		"a negative name":   head("00000000", "-0000001"),
		"no name":           head("00000000", "00000000"),
		"a name of 4 GiB":   head("00000000", "ffffffff"),
		"a negative size":   head("-0000001", "00000002") + "a\x00",
		"content cut off":   member("./a", 0o100644, 3) + "ab",
		"a folder of 4 GiB": member("./a", 0o40755, 0xffffffff) + end,
		"an entry cut off":  member("./a", 0o100644, 0)[:50],
		"no end":            member("./a", 0o100644, 0),
		"nothing":           "",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			a := rpmpkg.NewArchive(nil, strings.NewReader(archive))
			var err error
			for err == nil {
				_, err = a.Next()
			}
			if !errors.Is(err, cpio.ErrDamaged) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// numbered is an entry of an archive without names.
func numbered(i int) string { return fmt.Sprintf("07070X%08x\x00\x00", i) }

// sampleFiles are a folder, a file of 3 bytes, a file that is not in the archive, and two names of one file of 5 bytes.
var sampleFiles = []rpmfile.FileInfo{
	{Path: "/d", Mode: 0o40755, Size: 4096, Inode: 1},
	{Path: "/d/a", Mode: 0o100644, Size: 3, Inode: 2},
	{Path: "/d/b", Mode: 0o100644, Size: 7, Inode: 3, Flags: rpmfile.FileGhost},
	{Path: "/d/c", Mode: 0o100600, Size: 5, Inode: 4},
	{Path: "/d/e", Mode: 0o100600, Size: 5, Inode: 4},
}

func TestNumberedArchive(t *testing.T) {
	t.Parallel()
	in := strings.NewReader(numbered(0) + numbered(1) + "abc\x00" + numbered(3) + numbered(4) + "12345\x00\x00\x00" + end + "behind")
	reads(t, sampleFiles, in, "./d/a", "./d 40755 0  0\n./d/a 100644 3 ... 3\n./d/c 100600 0  0\n./d/e 100600 5 12345 5\n")
}

// Sizes are the header's, which may say anything: an archive of more than a store keeps is no package.
func TestNumberedArchiveTooLarge(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{5<<40 + 1, math.MaxInt64} {
		a := rpmpkg.NewArchive([]rpmfile.FileInfo{{Path: "/a", Mode: 0o100644, Size: size}}, strings.NewReader(numbered(0)+"abc"))
		if _, err := a.Next(); !errors.Is(err, cpio.ErrDamaged) || !strings.Contains(err.Error(), "more than 5497558138880 bytes") {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestNumberedArchiveDamaged(t *testing.T) {
	t.Parallel()
	all := numbered(0) + numbered(1) + "abc\x00" + numbered(3) + numbered(4) + "12345\x00\x00\x00"
	for what, archive := range map[string]string{
		"a number past the files":  numbered(5) + end,
		"a negative number":        "07070X-0000001\x00\x00" + end,
		"a file twice":             numbered(0) + numbered(0) + end,
		"a ghost":                  numbered(2) + "1234567\x00" + end,
		"a name among numbers":     numbered(0) + member("./d/a", 0o100644, 3) + "abc\x00" + end,
		"a file is not there":      numbered(0) + numbered(1) + "abc\x00" + end,
		"no end":                   all,
		"an end cut off":           all + end[:50],
		"content cut off":          numbered(1) + "ab",
		"an entry cut off":         numbered(1)[:9],
		"something else at an end": all + strings.Repeat("x", 200),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			a := rpmpkg.NewArchive(sampleFiles, strings.NewReader(archive))
			var err error
			for err == nil {
				_, err = a.Next()
			}
			if !errors.Is(err, cpio.ErrDamaged) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func FuzzArchive(f *testing.F) {
	f.Add([]byte(member("./a", 0o100644, 3) + "abc\x00" + end))
	f.Add([]byte(member("./a", 0o100644, 0xffffffff)))
	f.Add([]byte(numbered(0) + numbered(1) + "abc\x00" + numbered(3) + numbered(4) + "12345\x00\x00\x00" + end))
	f.Fuzz(func(t *testing.T, b []byte) {
		a := rpmpkg.NewArchive(sampleFiles, strings.NewReader(string(b)))
		for {
			m, err := a.Next()
			if err != nil {
				return
			}
			if n, err := io.Copy(io.Discard, a); err == nil && n != m.Size {
				t.Errorf("%d bytes of %d", n, m.Size)
			}
		}
	})
}
