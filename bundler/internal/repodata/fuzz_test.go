package repodata_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/repodata"
	"onerpm/bundler/internal/rpmpkg"
)

// forged is a set whose repomd.xml fits to lists that may be anything: what a store
// could serve whose repomd.xml nobody checked.
func forged(t testing.TB, lists [3][]byte) *repodata.Set {
	t.Helper()
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString(`<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>7</revision>`)
	for i, name := range []string{"primary", "filelists", "other"} {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, err := z.Write(lists[i])
		if err = errors.Join(err, z.Close()); err != nil {
			t.Fatal(err)
		}
		sum := digest(packed.Bytes())
		if err := os.WriteFile(filepath.Join(dir, sum+"-"+name+".xml.gz"), packed.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, `<data type="%s"><checksum type="sha256">%s</checksum><open-checksum type="sha256">%s</open-checksum>`+
			`<location href="repodata/%s-%s.xml.gz"/><size>%d</size><open-size>%d</open-size></data>`,
			name, sum, digest(lists[i]), sum, name, packed.Len(), max(len(lists[i]), 1))
	}
	b.WriteString("</repomd>")
	return moved(parsed(t, []byte(b.String())), dir)
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// contents returns the lists of a set, uncompressed.
func contents(t testing.TB, s *repodata.Set) (lists [3][]byte) {
	t.Helper()
	for i, f := range s.Files {
		file, err := os.Open(f.Path)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(file)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		_, err = b.ReadFrom(z)
		if err = errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
		lists[i] = b.Bytes()
	}
	return lists
}

// TestDamaged gives lists that are wrong in one way each, under a repomd.xml that fits.
func TestDamaged(t *testing.T) {
	t.Parallel()
	e := some(t, 3)
	good := contents(t, write(t, nil, e[:2]))
	if set := forged(t, good); set.Check(t.Context()) != nil {
		t.Fatal("good lists are refused")
	}
	id := e[0].SHA256
	for _, c := range []struct {
		list           int
		old, new, want string
	}{
		{0, "<?xml", "<xml", "does not begin"},
		{0, `packages="2"`, `packages="02"`, "does not begin"},
		{0, `packages="2"`, `packages="-2"`, "does not begin"},
		{0, `packages="2"`, `packages="3"`, "has 2 packages and tells 3"},
		{1, `packages="2"`, `packages="1"`, "more than the 1"},
		{1, `packages="2"`, `packages="20000001"`, "does not begin"},
		{0, "</metadata>\n", "", "unexpected EOF"},
		{0, "</metadata>\n", "</metadata>", "unexpected EOF"},
		{2, "</otherdata>\n", "</otherdata>\nmore\n", "behind its end"},
		{1, "</package>\n", "</package>\n\n", "where a package should begin"},
		{1, "</package>\n<", "</package><", "has 1 packages"},
		{2, id, strings.ToUpper(id), "has no SHA-256"},
		{0, id, id[1:], "has no SHA-256"},
		{2, id, strings.Repeat("0", 64), ""}, // another package, and maybe out of order
		{0, "  <format>\n", "  <format>\n  <oops>\n", "package"},
		{1, "  <version ", "  <version <", "package"},
		{0, `href="packages/`, `href="../`, "dots"},
		{0, `<name>p`, `<nome>p`, "package"},
	} {
		lists := good
		lists[c.list] = bytes.Replace(lists[c.list], []byte(c.old), []byte(c.new), 1)
		if bytes.Equal(lists[c.list], good[c.list]) {
			t.Errorf("%q is not in there", c.old)
		}
		err := forged(t, lists).Check(t.Context())
		var format *repodata.FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q for %q: %v, want %q", c.new, c.old, err, c.want)
		}
	}
	short := good
	short[1] = contents(t, write(t, nil, e[:1]))[1]
	if _, err := repodata.Write(t.Context(), t.TempDir(), forged(t, short), e[2:], nil, 1); err == nil || !strings.Contains(err.Error(), "other packages") {
		t.Errorf("lists of different packages: %v", err)
	}
}

// TestFlipped flips bits of the compressed lists: repomd.xml knows better.
func TestFlipped(t *testing.T) {
	t.Parallel()
	set, e := write(t, nil, some(t, 2)), some(t, 3)[2:]
	for _, f := range set.Files {
		good, err := os.ReadFile(f.Path)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range [][]byte{nil, good[:10], good[:len(good)-1], append(bytes.Clone(good), 0), flipped(good, 3), flipped(good, len(good)/2), flipped(good, len(good)-1)} {
			if err := os.WriteFile(f.Path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			_, err := repodata.Write(t.Context(), dir, set, e, nil, 1)
			var format *repodata.FormatError
			if !errors.As(err, &format) || !strings.Contains(err.Error(), f.SHA256) || exit.Code(err) != exit.Published {
				t.Errorf("%s of %d bytes: %v", f.Type, len(bad), err)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("%v is left behind", left)
			}
		}
		if err := os.WriteFile(f.Path, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func flipped(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 1
	return b
}

// FuzzSplice: whatever a store serves, adding to it is an error or gives lists that
// check and have one package more.
func FuzzSplice(f *testing.F) {
	e := some(f, 3)
	for n := range 3 {
		lists := contents(f, write(f, nil, e[:n]))
		f.Add(lists[0], lists[1], lists[2])
		f.Add(lists[0], lists[1][:len(lists[1])/2], lists[2])
	}
	f.Fuzz(func(t *testing.T, primary, filelists, other []byte) {
		before := forged(t, [3][]byte{primary, filelists, other})
		sound := before.Check(t.Context()) == nil
		after, err := repodata.Write(t.Context(), t.TempDir(), before, e[2:], nil, 1)
		if err != nil {
			if sound && !strings.Contains(err.Error(), "there already") {
				t.Errorf("sound lists are refused: %v", err)
			}
			return
		}
		if !sound { // its bytes were copied as they were
			return
		}
		if err := after.Check(t.Context()); err != nil {
			t.Error(err)
		}
		if got, had := len(listed(t, after)), len(listed(t, before)); got != had+1 {
			t.Errorf("%d packages, there were %d", got, had)
		}
		back, err := repodata.Write(t.Context(), t.TempDir(), after, nil, []string{e[2].SHA256}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if lists := contents(t, back); !bytes.Equal(lists[0], primary) || !bytes.Equal(lists[1], filelists) || !bytes.Equal(lists[2], other) {
			t.Error("added and dropped, the lists are others")
		}
	})
}

// FuzzParse: whatever is served as repomd.xml, there is an error or a set of three files.
func FuzzParse(f *testing.F) {
	f.Add(write(f, nil, nil).Repomd)
	f.Add([]byte("<repomd/>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := repodata.Parse(b)
		if err != nil {
			var format *repodata.FormatError
			if !errors.As(err, &format) {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		for _, file := range s.Files {
			if len(s.Files) != 3 || filepath.Base(file.Name) != file.Name || file.Size <= 0 || file.OpenSize <= 0 || len(file.SHA256) != 64 {
				t.Errorf("%+v", s.Files)
			}
		}
	})
}

// FuzzDescribe: of whatever header rpmfile reads, there is an error or an entry that
// a list takes.
func FuzzDescribe(f *testing.F) {
	dir := f.TempDir()
	build(f, dir, rich, "-bb")
	pack(f, dir, "small", "1.0")
	found, err := filepath.Glob(filepath.Join(dir, "*.rpm"))
	if err != nil || len(found) != 2 {
		f.Fatal(found, err)
	}
	for _, path := range found {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := rpmpkg.Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		e, err := repodata.Describe(h, repodata.FileFacts{SHA256: digest(b), Size: int64(len(b))}, repodata.Place{Href: "x.rpm"})
		if err != nil {
			return
		}
		set := write(t, nil, []repodata.Entry{e})
		for p, err := range set.Packages(t.Context()) {
			if err != nil || p.SHA256 != e.SHA256 || p.Size != int64(len(b)) || !h.Source && utf8.ValidString(e.NEVRA) && p.NEVRA() != e.NEVRA {
				t.Errorf("%+v, %v, want %s", p, err, e.NEVRA)
			}
		}
	})
}
