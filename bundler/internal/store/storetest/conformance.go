// Package storetest holds what every store must do: one suite, run against each
// implementation. What differs between them is not tested here, and nobody relies on it.
package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"onerpm/bundler/internal/store"
)

// Conformance tests a kind of store. open gives a new empty one at each call.
func Conformance(t *testing.T, open func(t *testing.T) store.Store) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, store.Store)
	}{
		{"put, stat, open", putStatOpen},
		{"conditions", conditions},
		{"immutable", immutable},
		{"big", big},
		{"checked", checks},
		{"copy", copies},
		{"delete", deletes},
		{"list", lists},
		{"names", names},
		{"short content", shortContent},
		{"cancelled", cancelled},
		{"replaced while read", replacedWhileRead},
		{"no update is lost", noLostUpdate},
		{"one of many creates", oneCreates},
		{"the same at once", sameAtOnce},
		{"urls", urls},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.test(t, open(t))
		})
	}
}

// Bytes returns n bytes that are always the same for a seed.
func Bytes(seed uint64, n int) []byte {
	b := make([]byte, n)
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	_, _ = rand.NewChaCha8(key).Read(b) // it never fails
	return b
}

// Put puts b under name.
func Put(t testing.TB, s store.Store, name string, b []byte, o store.PutOptions) string {
	t.Helper()
	tag, err := s.Put(t.Context(), name, bytes.NewReader(b), o)
	if err != nil {
		t.Fatalf("put %s: %v", name, err)
	}
	return tag
}

// Read reads a whole file, and holds that what Info says of it is right.
func Read(t testing.TB, s store.Store, name string) ([]byte, store.Info) {
	t.Helper()
	r, info, err := s.Open(t.Context(), name)
	if err != nil {
		t.Fatalf("open %s: %v", name, err)
	}
	defer r.Close() //nolint:errcheck // it was only read
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
	if info.Name != name || info.Size != int64(len(b)) {
		t.Errorf("read %s: %d bytes, but it is said to be %s with %d", name, len(b), info.Name, info.Size)
	}
	return b, info
}

// Names lists what is in a store.
func Names(t testing.TB, s store.Store, prefix string) []string {
	t.Helper()
	var all []string
	for info, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("list %s: %v", prefix, err)
		}
		all = append(all, info.Name)
	}
	return all
}

func putStatOpen(t *testing.T, s store.Store) {
	for _, n := range []int{0, 1, 5000, 3 << 20} {
		name := fmt.Sprintf("folder/in~a^folder/file+%d_x-1.rpm", n)
		if _, err := s.Stat(t.Context(), name); !errors.Is(err, store.ErrNotExist) {
			t.Errorf("stat of nothing: %v", err)
		}
		if _, _, err := s.Open(t.Context(), name); !errors.Is(err, store.ErrNotExist) {
			t.Errorf("open of nothing: %v", err)
		}
		want := Bytes(1, n)
		var told atomic.Int64
		tag := Put(t, s, name, want, store.PutOptions{Progress: func(n int64) { told.Add(n) }})
		if told.Load() != int64(n) {
			t.Errorf("%d bytes were told, of %d", told.Load(), n)
		}
		got, opened := Read(t, s, name)
		if !bytes.Equal(got, want) {
			t.Errorf("%s came back with other content", name)
		}
		info, err := s.Stat(t.Context(), name)
		if err != nil || info.Size != int64(n) || info.Tag != tag || opened.Tag != tag || info.Name != name {
			t.Errorf("stat: %+v, %v; put gave the tag %q, open %q", info, err, tag, opened.Tag)
		}
		if age := time.Since(info.Modified); age < -time.Minute || age > time.Hour {
			t.Errorf("%s was modified at %s", name, info.Modified)
		}
		if again := Put(t, s, name, []byte("other"), store.PutOptions{}); again == tag {
			t.Errorf("another content has the same tag %q", tag)
		}
		if got, _ := Read(t, s, name); string(got) != "other" {
			t.Errorf("it was replaced with %q", got)
		}
	}
	if _, err := s.Stat(t.Context(), "folder"); !errors.Is(err, store.ErrNotExist) {
		t.Errorf("stat of a folder: %v", err)
	}
	if _, err := s.Stat(t.Context(), "folder/in~a^folder/file+1_x-1.rpm/below"); !errors.Is(err, store.ErrNotExist) {
		t.Errorf("stat below a file: %v", err)
	}
}

func conditions(t *testing.T, s store.Store) {
	put := func(content string, when store.Condition) (string, error) {
		return s.Put(t.Context(), "pointer", strings.NewReader(content), store.PutOptions{When: when})
	}
	conflicts := func(when store.Condition, what string) {
		t.Helper()
		if tag, err := put("wrong", when); !errors.Is(err, store.ErrConflict) || tag != "" {
			t.Errorf("%s: %q, %v", what, tag, err)
		}
	}
	conflicts(store.IfTag("0123456789abcdef0123456789abcdef"), "a tag where nothing is")
	first, err := put("one", store.Absent)
	if err != nil {
		t.Fatal(err)
	}
	conflicts(store.Absent, "absent, but it is there")
	second, err := put("two", store.IfTag(first))
	if err != nil {
		t.Fatal(err)
	}
	conflicts(store.IfTag(first), "an old tag")
	if got, _ := Read(t, s, "pointer"); string(got) != "two" {
		t.Errorf("conflicts left %q", got)
	}
	if err := s.Delete(t.Context(), "pointer"); err != nil {
		t.Fatal(err)
	}
	conflicts(store.IfTag(second), "the tag of a deleted file")
	if _, err := put("three", store.Absent); err != nil {
		t.Errorf("absent after delete: %v", err)
	}
}

func immutable(t *testing.T, s store.Store) {
	for _, n := range []int{10, 20 << 20} {
		name := fmt.Sprintf("packages/%d.rpm", n)
		want := Bytes(2, n)
		o := store.PutOptions{Immutable: true}
		tag := Put(t, s, name, want, o)
		var told atomic.Int64
		o.Progress = func(n int64) { told.Add(n) }
		if again := Put(t, s, name, want, o); again != tag || told.Load() != int64(n) {
			t.Errorf("the same again: tag %q, was %q; %d bytes told", again, tag, told.Load())
		}
		other := bytes.Clone(want)
		other[n-1]++
		for _, b := range [][]byte{other, want[:n-1], append(bytes.Clone(want), 1)} {
			if _, err := s.Put(t.Context(), name, bytes.NewReader(b), o); !errors.Is(err, store.ErrConflict) {
				t.Errorf("other content with %d bytes: %v", len(b), err)
			}
		}
		if got, _ := Read(t, s, name); !bytes.Equal(got, want) {
			t.Error("an immutable file changed")
		}
	}
}

// big is over the size at which S3 needs parts, and no multiple of them.
func big(t *testing.T, s store.Store) {
	want := Bytes(3, 20<<20+12345)
	name := "packages/big.rpm"
	first := Put(t, s, name, want, store.PutOptions{When: store.Absent})
	if got, info := Read(t, s, name); !bytes.Equal(got, want) || info.Tag != first {
		t.Errorf("a big file came back with other content, or the tag %q instead of %q", info.Tag, first)
	}
	if _, err := s.Put(t.Context(), name, bytes.NewReader(want), store.PutOptions{When: store.Absent}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("absent, but it is there: %v", err)
	}
	want[5]++
	Put(t, s, name, want, store.PutOptions{When: store.IfTag(first)})
	if _, err := s.Put(t.Context(), name, bytes.NewReader(want[1:]), store.PutOptions{When: store.IfTag(first)}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("an old tag: %v", err)
	}
	if err := s.Copy(t.Context(), name, "short.rpm"); err != nil {
		t.Fatal(err)
	}
	if got, _ := Read(t, s, "short.rpm"); !bytes.Equal(got, want) {
		t.Error("the copy has other content")
	}
	// Copied again: when nothing changed, and when either of them did.
	for _, change := range []string{"", name, "short.rpm"} {
		if change != "" {
			want[6]++
			Put(t, s, change, want, store.PutOptions{})
		}
		if change == "short.rpm" {
			want[6]--
		}
		if err := s.Copy(t.Context(), name, "short.rpm"); err != nil {
			t.Fatal(err)
		}
		if got, _ := Read(t, s, "short.rpm"); !bytes.Equal(got, want) {
			t.Errorf("after a change of %q the copy has other content", change)
		}
	}
}

func copies(t *testing.T, s store.Store) {
	if err := s.Copy(t.Context(), "a/one", "b"); !errors.Is(err, store.ErrNotExist) {
		t.Errorf("copy of nothing: %v", err)
	}
	Put(t, s, "a/one", []byte("one"), store.PutOptions{Immutable: true})
	Put(t, s, "a/two", []byte("two"), store.PutOptions{})
	for _, from := range []string{"one", "two", "two", "one"} {
		if err := s.Copy(t.Context(), "a/"+from, "c/short.rpm"); err != nil {
			t.Fatal(err)
		}
		if got, _ := Read(t, s, "c/short.rpm"); string(got) != from {
			t.Errorf("the copy of %s is %q", from, got)
		}
	}
	// The copy is a file of its own.
	Put(t, s, "c/short.rpm", []byte("three"), store.PutOptions{})
	if err := s.Delete(t.Context(), "a/two"); err != nil {
		t.Fatal(err)
	}
	if got, _ := Read(t, s, "a/one"); string(got) != "one" {
		t.Errorf("the original became %q", got)
	}
	if got := fmt.Sprint(Names(t, s, "")); got != "[a/one c/short.rpm]" {
		t.Error(got)
	}
}

func deletes(t *testing.T, s store.Store) {
	if err := s.Delete(t.Context(), "not/there"); err != nil {
		t.Errorf("delete of nothing: %v", err)
	}
	Put(t, s, "a/b/c", []byte("x"), store.PutOptions{})
	Put(t, s, "a/d", []byte("y"), store.PutOptions{})
	if err := errors.Join(s.Delete(t.Context(), "a"), s.Delete(t.Context(), "a/b/c"), s.Delete(t.Context(), "a/b/c")); err != nil {
		t.Error(err)
	}
	if got := fmt.Sprint(Names(t, s, "")); got != "[a/d]" {
		t.Error(got)
	}
	Put(t, s, "a/b/c", []byte("x"), store.PutOptions{When: store.Absent})
	if err := errors.Join(s.Delete(t.Context(), "a/b/c"), s.Delete(t.Context(), "a/d")); err != nil {
		t.Error(err)
	}
	if got := Names(t, s, ""); len(got) != 0 {
		t.Error(got)
	}
}

func lists(t *testing.T, s store.Store) {
	if got := Names(t, s, ""); len(got) != 0 {
		t.Errorf("an empty store lists %q", got)
	}
	want := []string{"a+b", "a-b/x", "a.b", "a.b.c", "a/b", "a/b-c", "a/b.c/d", "a0", "aB", "a^", "a_", "a~b", "b/c"}
	for i := len(want) - 1; i >= 0; i-- {
		Put(t, s, want[i], []byte(want[i]), store.PutOptions{})
	}
	for _, tt := range []struct {
		prefix string
		want   []string
	}{
		{"", want},
		{"a/", []string{"a/b", "a/b-c", "a/b.c/d"}},
		{"a/b", []string{"a/b", "a/b-c", "a/b.c/d"}},
		{"a/b.", []string{"a/b.c/d"}},
		{"a.b", []string{"a.b", "a.b.c"}},
		{"a.b.c", []string{"a.b.c"}},
		{"a/b.c/d", []string{"a/b.c/d"}},
		{"a/b.c/d/", nil},
		{"c", nil},
	} {
		if got := Names(t, s, tt.prefix); fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("list of %q:\n got %q\nwant %q", tt.prefix, got, tt.want)
		}
	}
	for info, err := range s.List(t.Context(), "a/b.c") {
		if err != nil || info.Size != int64(len("a/b.c/d")) || time.Since(info.Modified) > time.Hour {
			t.Errorf("%+v, %v", info, err)
		}
	}
	for _, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Error(err)
		}
		break // and nothing of it goes on
	}
}

// Bad names are refused by everything that takes one.
func names(t *testing.T, s store.Store) {
	for _, name := range []string{"", ".", "..", "../a", "a/../b", "/a", "a/", "a//b", "./a", ".a", "a/.b", "a b", "a\\b", "a\x00", "ä", "a?b", "a%2fb", "a\nb", strings.Repeat("a", 2000)} {
		_, statErr := s.Stat(t.Context(), name)
		_, _, openErr := s.Open(t.Context(), name)
		_, putErr := s.Put(t.Context(), name, strings.NewReader("x"), store.PutOptions{})
		_, signErr := s.Presign(t.Context(), name, time.Hour)
		Put(t, s, "there", []byte("x"), store.PutOptions{})
		for i, err := range []error{statErr, openErr, putErr, signErr, s.Delete(t.Context(), name), s.Copy(t.Context(), "there", name), s.Copy(t.Context(), name, "x")} {
			if err == nil || errors.Is(err, store.ErrNotExist) || errors.Is(err, store.ErrConflict) {
				t.Errorf("%d: %q was taken: %v", i, name, err)
			}
		}
	}
	if got := fmt.Sprint(Names(t, s, "")); got != "[there]" {
		t.Error(got)
	}
	for _, prefix := range []string{"/", "../", "a/../b", ".", "ä", "a//"} {
		for _, err := range s.List(t.Context(), prefix) {
			if err == nil {
				t.Errorf("prefix %q was taken", prefix)
			}
		}
	}
}

func urls(t *testing.T, s store.Store) {
	got := s.URL("packages/a/x-1~rc^2+b.rpm")
	if !strings.HasSuffix(got, "/packages/a/x-1~rc%5E2%2Bb.rpm") && !strings.HasSuffix(got, "/packages/a/x-1~rc%5E2+b.rpm") {
		t.Error(got)
	}
	if s.URL("") == "" || s.String() == "" {
		t.Error("a store without an address")
	}
}
