package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/store"
	"onerpm/bundler/internal/store/storetest"
	"onerpm/test/s3server"
	"onerpm/test/s3server/fault"
)

// bigger than one piece: three parts.
const bigSize = 17<<20 + 1

func openS3(t testing.TB, s *s3server.Server, prefix string, o store.Options) store.Store {
	t.Helper()
	got, err := store.Open(t.Context(), "s3://"+s.Bucket+"/"+prefix, o)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// readAll is a check that finds nothing wrong.
func readAll(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

func copyAndLook(t *testing.T, broken, direct store.Store, size int) error {
	want := storetest.Bytes(11, size)
	storetest.Put(t, direct, "from", want, store.PutOptions{})
	err := broken.Copy(t.Context(), "from", "file")
	if err == nil {
		if got, _ := storetest.Read(t, direct, "file"); !bytes.Equal(got, want) {
			t.Error("the copy has other content")
		}
	}
	return err
}

// operations are everything that asks a server. Each does one thing and, by another way, looks at what came of it.
var operations = []struct {
	name string
	do   func(t *testing.T, broken, direct store.Store) error
}{
	{"put", func(t *testing.T, broken, direct store.Store) error {
		return putAndLook(t, broken, direct, 5000, store.PutOptions{})
	}},
	{"put absent", func(t *testing.T, broken, direct store.Store) error {
		return putAndLook(t, broken, direct, 5000, store.PutOptions{When: store.Absent})
	}},
	{"put if tag", func(t *testing.T, broken, direct store.Store) error {
		return putAndLook(t, broken, direct, 5000, store.PutOptions{When: store.IfTag(storetest.Put(t, direct, "file", []byte("old"), store.PutOptions{}))})
	}},
	{"put big immutable", func(t *testing.T, broken, direct store.Store) error {
		return putAndLook(t, broken, direct, bigSize, store.PutOptions{Immutable: true})
	}},
	{"put big checked", func(t *testing.T, broken, direct store.Store) error {
		return putAndLook(t, broken, direct, bigSize, store.PutOptions{Immutable: true, Check: readAll})
	}},
	{"put big absent", func(t *testing.T, broken, direct store.Store) error {
		return putAndLook(t, broken, direct, bigSize, store.PutOptions{When: store.Absent})
	}},
	{"read", func(t *testing.T, broken, direct store.Store) error { return readAndLook(t, broken, direct, 5000) }},
	{"read big", func(t *testing.T, broken, direct store.Store) error { return readAndLook(t, broken, direct, 2<<20) }},
	{"stat", func(t *testing.T, broken, direct store.Store) error {
		tag := storetest.Put(t, direct, "file", []byte("x"), store.PutOptions{})
		info, err := broken.Stat(t.Context(), "file")
		if err == nil && (info.Tag != tag || info.Size != 1) {
			t.Errorf("%+v", info)
		}
		return err
	}},
	{"list", func(t *testing.T, broken, direct store.Store) error {
		storetest.Put(t, direct, "file", []byte("x"), store.PutOptions{})
		names := ""
		for info, err := range broken.List(t.Context(), "") {
			if err != nil {
				return err
			}
			names += info.Name
		}
		if names != "file" {
			t.Error(names)
		}
		return nil
	}},
	{"copy", func(t *testing.T, broken, direct store.Store) error { return copyAndLook(t, broken, direct, 1) }},
	{"copy big", func(t *testing.T, broken, direct store.Store) error { return copyAndLook(t, broken, direct, bigSize) }},
	{"delete", func(t *testing.T, broken, direct store.Store) error {
		storetest.Put(t, direct, "file", []byte("x"), store.PutOptions{})
		err := broken.Delete(t.Context(), "file")
		if _, statErr := direct.Stat(t.Context(), "file"); err == nil && !errors.Is(statErr, store.ErrNotExist) {
			t.Error("it is there")
		}
		return err
	}},
}

// putAndLook also holds that a Put which failed changed nothing.
func putAndLook(t *testing.T, broken, direct store.Store, n int, o store.PutOptions) error {
	before, statErr := direct.Stat(t.Context(), "file")
	told := int64(0)
	o.Progress = func(n int64) { told += n }
	want := storetest.Bytes(11, n)
	tag, err := broken.Put(t.Context(), "file", bytes.NewReader(want), o)
	if err != nil {
		after, err := direct.Stat(t.Context(), "file")
		if after != before || errors.Is(err, store.ErrNotExist) != errors.Is(statErr, store.ErrNotExist) {
			t.Errorf("a failed put left %+v, %v", after, err)
		}
	} else {
		got, info := storetest.Read(t, direct, "file")
		if !bytes.Equal(got, want) || info.Tag != tag || told != int64(n) {
			t.Errorf("%d bytes, tag %s, want %d and %s; %d bytes were told", len(got), info.Tag, n, tag, told)
		}
	}
	return err
}

func readAndLook(t *testing.T, broken, direct store.Store, n int) error {
	want := storetest.Bytes(12, n)
	storetest.Put(t, direct, "file", want, store.PutOptions{})
	r, _, err := broken.Open(t.Context(), "file")
	if err != nil {
		return err
	}
	got, err := io.ReadAll(r)
	if err == nil && !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d are right or not", len(got), n)
	}
	return errors.Join(err, r.Close())
}

// TestFailuresThatPass holds that nobody notices them.
func TestFailuresThatPass(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	put := fault.On(http.MethodPut)
	for _, f := range []struct {
		name  string
		fault fault.Fault
	}{
		{"500", fault.Fault{Times: 3, Do: fault.Answer(500, "InternalError")}},
		{"503", fault.Fault{Times: 3, Do: fault.Answer(503, "SlowDown")}},
		{"503 later", fault.Fault{Skip: 3, Times: 3, Do: fault.Answer(503, "SlowDown")}},
		{"request timeout", fault.Fault{Match: put, Times: 1, Do: fault.Answer(400, "RequestTimeout")}},
		{"cut at once", fault.Fault{Times: 2, Do: fault.Drop()}},
		{"cut in the request", fault.Fault{Times: 2, Do: fault.CutRequest(3000)}},
		{"cut before the answer", fault.Fault{Times: 2, Do: fault.CutAnswer(-1)}},
		{"cut before a later answer", fault.Fault{Skip: 2, Times: 2, Do: fault.CutAnswer(-1)}},
		{"cut before the last answer of an upload", fault.Fault{Match: fault.On(http.MethodPost, "uploadId="), Times: 2, Do: fault.CutAnswer(-1)}},
		{"cut in the answer", fault.Fault{Times: 2, Do: fault.CutAnswer(100)}},
		{"flipped on the way there", fault.Fault{Match: put, Times: 2, Do: fault.FlipRequest(3)}},
		{"silence", fault.Fault{Times: 1, Do: fault.Hang()}},
		{"slow", fault.Fault{Times: 2, Do: fault.Delay(300 * time.Millisecond)}},
	} {
		for _, op := range operations {
			if op.name == "put big immutable" && !strings.HasPrefix(f.name, "cut") {
				continue // it is the other big one with a look before
			}
			t.Run(f.name+"/"+op.name, func(t *testing.T) {
				t.Parallel()
				proxy := fault.Start(t, server)
				o := options(proxy.Server)
				if f.name == "silence" {
					o.Stall = 2 * time.Second // nothing else is that silent, on a busy machine either
				}
				prefix := strings.NewReplacer(" ", "-", "/", "/").Replace(f.name + "/" + op.name)
				broken, direct := openS3(t, proxy.Server, prefix, o), openS3(t, server, prefix, options(server))
				proxy.Break(f.fault)
				if err := op.do(t, broken, direct); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestFailuresThatStay holds that they are reported, with what to do, after few tries, and leave nothing half done.
func TestFailuresThatStay(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	for _, f := range []struct {
		name   string
		do     fault.Action
		text   string // of the error
		hint   string
		retry  bool
		noHead bool // an answer to HEAD cannot tell
	}{
		{"500", fault.Answer(500, "InternalError"), "500 Internal Server Error", "later", true, false},
		{"503", fault.Answer(503, "SlowDown"), "503 Service Unavailable", "later", true, false},
		{"403", fault.Answer(403, "AccessDenied"), "AccessDenied", "s3:ListBucket", false, false},
		{"expired", fault.Answer(400, "ExpiredToken"), "ExpiredToken", "have expired", false, false},
		{"key", fault.Answer(403, "InvalidAccessKeyId"), "InvalidAccessKeyId", "AWS_ACCESS_KEY_ID", false, false},
		{"signature", fault.Answer(403, "SignatureDoesNotMatch"), "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY", false, false},
		{"bucket", fault.Answer(404, "NoSuchBucket"), "NoSuchBucket", "create the bucket", false, true},
		{"region", fault.Answer(301, "PermanentRedirect"), "301 Moved", "AWS_REGION", false, false},
		{"old store", fault.Answer(501, "NotImplemented"), "501 Not Implemented", "use a store with conditional writes and checksums", false, true},
		{"cut", fault.Drop(), "tried 5 times", "", true, false},
	} {
		for _, op := range operations {
			if f.noHead && op.name == "stat" {
				continue
			}
			for _, skip := range []int{0, 2} {
				if skip > 0 && op.name != "put big absent" || skip == 0 && strings.HasPrefix(op.name, "put big") {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%d", f.name, op.name, skip), func(t *testing.T) {
					t.Parallel()
					proxy := fault.Start(t, server)
					prefix := fmt.Sprintf("%s/%s/%d", f.name, op.name, skip)
					prefix = strings.ReplaceAll(prefix, " ", "-")
					broken, direct := openS3(t, proxy.Server, prefix, options(proxy.Server)), openS3(t, server, prefix, options(server))
					proxy.Heal()
					proxy.Break(fault.Fault{Skip: skip, Do: f.do})
					err := op.do(t, broken, direct)
					if exit.Code(err) != exit.Store || !strings.Contains(err.Error(), f.text) || !strings.Contains(exit.Hint(err), f.hint) {
						t.Errorf("error %v\nhint %q", err, exit.Hint(err))
					}
					most := skip + 6 // parts go in parallel, and a HEAD is asked why
					if f.retry {
						most = skip + 4*5
					}
					if n := proxy.Requests(); n > most {
						t.Errorf("%d requests", n)
					}
				})
			}
		}
	}
}

// TestFlippedAnswer holds that bytes that arrive are those that were stored, or there is an error.
func TestFlippedAnswer(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	proxy := fault.Start(t, server)
	s := openS3(t, proxy.Server, "", options(proxy.Server))
	for name, n := range map[string]int{"small": 100, "middle": 3 << 20, "big": bigSize} {
		storetest.Put(t, s, name, storetest.Bytes(13, n), store.PutOptions{})
	}
	get := fault.On(http.MethodGet, "/small")
	proxy.Break(fault.Fault{Match: get, Times: 3, Do: fault.FlipAnswer(50)})
	if got, _ := storetest.Read(t, s, "small"); !bytes.Equal(got, storetest.Bytes(13, 100)) {
		t.Error("a small file came damaged")
	}
	proxy.Break(fault.Fault{Match: fault.On(http.MethodGet), Do: fault.FlipAnswer(70)})
	for _, name := range []string{"small", "middle", "big"} {
		r, _, err := s.Open(t.Context(), name)
		if err == nil {
			_, err = io.Copy(io.Discard, r)
			r.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "checksum") || exit.Code(err) != exit.Store || exit.Hint(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPutBesideAnother holds that two who put the same at once agree also on a server that refuses the second one
// before it shows what the first one put.
func TestPutBesideAnother(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	for _, n := range []int{5000, bigSize} {
		proxy := fault.Start(t, server)
		name, want := fmt.Sprint("file", n), storetest.Bytes(11, n)
		broken, direct := openS3(t, proxy.Server, "", options(proxy.Server)), openS3(t, server, "", options(server))
		there := storetest.Put(t, direct, name, want, store.PutOptions{Immutable: true})
		hidden := fault.Fault{Match: fault.On(http.MethodHead), Times: 3, Do: fault.Answer(404, "NoSuchKey")} // to its first look, and two after the refusal
		proxy.Break(hidden)
		if tag, err := broken.Put(t.Context(), name, bytes.NewReader(want), store.PutOptions{Immutable: true}); err != nil || tag != there {
			t.Errorf("the same %d bytes: tag %q, want %q, %v", n, tag, there, err)
		}
		proxy.Break(hidden)
		if _, err := broken.Put(t.Context(), name, bytes.NewReader(want[1:]), store.PutOptions{Immutable: true}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("other %d bytes: %v", n, err)
		}
		proxy.Break(hidden)
		if _, err := broken.Put(t.Context(), name, bytes.NewReader(want), store.PutOptions{When: store.Absent}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("%d bytes, to be put by this one alone: %v", n, err)
		}
	}
}

// TestLostAnswers has writers add to one file through a bad network. An update that was made
// although its answer was lost may be tried again, but none is lost.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	proxy := fault.Start(t, server)
	o := options(proxy.Server)
	o.Retries = 40 // one writer may meet all that goes wrong
	s := openS3(t, proxy.Server, "", o)
	for skip := range 40 {
		proxy.Break(fault.Fault{Match: fault.On(http.MethodPut), Skip: 3 * skip, Times: 1, Do: []fault.Action{fault.CutAnswer(-1), fault.Answer(503, "SlowDown"), fault.CutRequest(2)}[skip%3]})
	}
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			for try := 0; try < 200; try++ {
				err := addLine(t, s, fmt.Sprint("writer ", i))
				if err == nil {
					return
				}
				if !errors.Is(err, store.ErrConflict) {
					t.Error(err)
					return
				}
				time.Sleep(rand.N(20 * time.Millisecond))
			}
			t.Errorf("writer %d never got through", i)
		})
	}
	all.Wait()
	got, _ := storetest.Read(t, s, "lines")
	lines := strings.Split(strings.TrimSpace(string(got)), "\n")
	slices.Sort(lines)
	if len(lines) != 10 || len(slices.Compact(lines)) != 10 {
		t.Errorf("%q", lines)
	}
}

func addLine(t *testing.T, s store.Store, line string) error {
	var text []byte
	when := store.Absent
	r, info, err := s.Open(t.Context(), "lines")
	if err == nil {
		text, err = io.ReadAll(r)
		when = store.IfTag(info.Tag)
	}
	if err != nil && !errors.Is(err, store.ErrNotExist) {
		return err
	}
	if bytes.Contains(text, []byte(line+"\n")) {
		return nil // an earlier try had worked
	}
	_, err = s.Put(t.Context(), "lines", bytes.NewReader(append(text, line+"\n"...)), store.PutOptions{When: when})
	return err
}

// TestReadGoesOn holds that a reader whose connection is cut asks for the rest only, of the same version.
func TestReadGoesOn(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	proxy := fault.Start(t, server)
	s := openS3(t, proxy.Server, "", options(proxy.Server))
	want := storetest.Bytes(14, 4<<20)
	tag := storetest.Put(t, s, "file", want, store.PutOptions{})
	var asked []string
	note := func(do fault.Action) fault.Action {
		return func(p *fault.Proxy, w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.Header.Get("Range")+" "+r.Header.Get("If-Match"))
			do(p, w, r)
		}
	}
	get := fault.On(http.MethodGet, "/file")
	proxy.Break(fault.Fault{Match: get, Times: 1, Do: note(fault.CutAnswer(3 << 20))})
	proxy.Break(fault.Fault{Match: get, Times: 1, Do: note(fault.Answer(503, "SlowDown"))})
	proxy.Break(fault.Fault{Match: get, Do: note(fault.Delay(0))})
	if got, _ := storetest.Read(t, s, "file"); !bytes.Equal(got, want) {
		t.Error("it came back with other content")
	}
	rest := fmt.Sprintf("bytes=%d- %q", 3<<20, tag)
	if fmt.Sprint(asked) != fmt.Sprint([]string{" ", rest, rest}) {
		t.Errorf("asked for %q", asked)
	}
	// Replaced in between: an error, not two versions in one.
	proxy.Heal()
	proxy.Break(fault.Fault{Match: get, Times: 1, Do: fault.CutAnswer(2 << 20)})
	r, _, err := s.Open(t.Context(), "file")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	storetest.Put(t, s, "file", storetest.Bytes(15, 4<<20), store.PutOptions{})
	if _, err := io.Copy(io.Discard, r); err == nil || !strings.Contains(err.Error(), "replaced") {
		t.Errorf("a replaced file: %v", err)
	}
}
