package store_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"onerpm/bundler/internal/store"
	"onerpm/bundler/internal/store/storetest"
	"onerpm/test/s3server"
	"onerpm/test/s3server/fault"
)

// arrived counts the parts of unfinished uploads of a key.
func arrived(t *testing.T, s *s3server.Server, key string) (uploads, parts int) {
	t.Helper()
	list, err := s.Client().ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &s.Bucket, Prefix: &key})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range list.Uploads {
		out, err := s.Client().ListParts(t.Context(), &s3.ListPartsInput{Bucket: &s.Bucket, Key: u.Key, UploadId: u.UploadId})
		if err != nil {
			t.Fatal(err)
		}
		parts += len(out.Parts)
	}
	return len(list.Uploads), parts
}

// TestKilledUpload kills a process that uploads 40 MiB, five parts, and holds that another one sends only what is missing.
func TestKilledUpload(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	proxy := fault.Start(t, server)
	address := "s3://" + server.Bucket + "/here"
	proxy.Break(fault.Fault{Match: fault.On(http.MethodPut, "partNumber="), Skip: 2, Do: fault.Hang()})
	cmd := other(t, "put", address, proxy.Env()...)
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(said)
	for range 2 { // until two parts have arrived; no other will
		if !lines.Scan() || lines.Text() != "8388608" {
			t.Errorf("%q", lines.Text())
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	direct := openS3(t, server, "here", options(server))
	if got := storetest.Names(t, direct, ""); len(got) != 0 {
		t.Errorf("a killed upload left %q", got)
	}
	if uploads, there := arrived(t, server, "here/packages/big.rpm"); uploads != 1 || there != 2 {
		t.Fatalf("%d parts in %d uploads have arrived", there, uploads)
	}
	proxy.Heal()
	if out, err := other(t, "put", address, proxy.Env()...).CombinedOutput(); err != nil || strings.Count(string(out), "\n") != 5 {
		t.Errorf("%v\n%s", err, out)
	}
	if sent := proxy.Requests(http.MethodPut, "partNumber="); sent != 3 {
		t.Errorf("2 of 5 parts were there, and %d were sent", sent)
	}
	if got, _ := storetest.Read(t, direct, "packages/big.rpm"); !bytes.Equal(got, storetest.Bytes(7, 40<<20)) {
		t.Error("it has other content")
	}
	if n, _ := arrived(t, server, "here/packages/big.rpm"); n != 0 {
		t.Errorf("%d uploads are left", n)
	}
}

// TestForeignParts holds that an upload with parts of another content is not touched, one that is
// ended by somebody else is begun again, and Tidy takes only what is old.
func TestForeignParts(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	proxy := fault.Start(t, server)
	s := openS3(t, proxy.Server, "", options(proxy.Server))
	want := storetest.Bytes(21, bigSize)
	// One part of another content arrives.
	foreign := bytes.Clone(want)
	for i := 0; i < len(foreign); i += 1 << 20 {
		foreign[i]++
	}
	proxy.Break(fault.Fault{Match: fault.On(http.MethodPut, "partNumber="), Skip: 1, Do: fault.Hang()})
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := s.Put(ctx, "f.rpm", bytes.NewReader(foreign), store.PutOptions{Progress: func(int64) { cancel() }}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	proxy.Heal()
	storetest.Put(t, s, "f.rpm", want, store.PutOptions{})
	if n, parts := arrived(t, server, "f.rpm"); n != 1 || parts != 1 {
		t.Errorf("of the other upload %d parts are there, 1 was", parts)
	}
	if n, err := s.Tidy(t.Context(), time.Now().Add(-time.Hour)); n != 0 || err != nil {
		t.Errorf("tidied %d, %v", n, err)
	}
	if n, err := s.Tidy(t.Context(), time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("tidied %d, %v", n, err)
	}
	// Somebody tidies while parts are sent.
	want[5]++
	proxy.Break(fault.Fault{Match: fault.On(http.MethodPost, "uploadId="), Times: 1, Do: func(*fault.Proxy, http.ResponseWriter, *http.Request) {
		if n, err := s.Tidy(t.Context(), time.Now().Add(time.Hour)); n != 1 || err != nil {
			t.Errorf("tidied %d, %v", n, err)
		}
		panic(http.ErrAbortHandler)
	}})
	told := int64(0)
	storetest.Put(t, s, "f.rpm", want, store.PutOptions{Progress: func(n int64) { told += n }})
	if got, _ := storetest.Read(t, s, "f.rpm"); !bytes.Equal(got, want) || told != bigSize {
		t.Errorf("it has other content, or %d bytes were told", told)
	}
}

// TestSameAtOnce has several put the same file, as publishers of the same bundle do.
func TestSameAtOnce(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	errs := make(chan error)
	for range 4 {
		s := openS3(t, server, "", options(server))
		go func() {
			_, err := s.Put(t.Context(), "packages/x/f.rpm", bytes.NewReader(storetest.Bytes(22, bigSize)), store.PutOptions{Immutable: true})
			errs <- err
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got, _ := storetest.Read(t, openS3(t, server, "", options(server)), "packages/x/f.rpm"); !bytes.Equal(got, storetest.Bytes(22, bigSize)) {
		t.Error("it has other content")
	}
}

// TestS3BetweenProcesses has processes count in one file.
func TestS3BetweenProcesses(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	var all []*exec.Cmd
	var said [3]bytes.Buffer
	for i := range said {
		cmd := other(t, "count", "s3://"+server.Bucket, server.Env()...)
		cmd.Stderr = &said[i]
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, cmd)
	}
	for i, cmd := range all {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, &said[i])
		}
	}
	if got, _ := storetest.Read(t, openS3(t, server, "", options(server)), "counter"); string(got) != "30" {
		t.Errorf("%s updates of 30 are left", got)
	}
}

// TestMemory puts and reads 128 MiB, and holds that it takes little: nothing is allocated by the size.
func TestMemory(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	out, err := other(t, "memory", "s3://"+server.Bucket, server.Env()...).CombinedOutput()
	var allocated int
	if _, scanErr := fmt.Sscan(string(out), &allocated); err != nil || scanErr != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%.1f MiB were allocated in all", float64(allocated)/(1<<20))
	if allocated > 32<<20 {
		t.Errorf("%d bytes were allocated", allocated)
	}
}

// TestCopyAgain: a copy whose bytes have rotted is whole again when the copy is made once more, whatever its metadata say.
func TestCopyAgain(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	s := openS3(t, server, "", options(server))
	for name, size := range map[string]int{"small.rpm": 1 << 10, "large.rpm": 17 << 20} {
		want := bytes.Repeat([]byte("x"), size)
		storetest.Put(t, s, name, want, store.PutOptions{Immutable: true})
		for _, rot := range []bool{false, true} {
			if rot {
				if err := os.WriteFile(filepath.Join(server.Dir, server.Bucket, "copy-of-"+name), bytes.Repeat([]byte("y"), size), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Copy(t.Context(), name, "copy-of-"+name); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(server.Dir, server.Bucket, "copy-of-"+name))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s, rotted before: %t: the copy is not what it is a copy of (%v)", name, rot, err)
			}
		}
	}
}

// TestPublic holds what customers see: a link that works without credentials until it ends, with the right headers.
func TestPublic(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	s := openS3(t, server, "a/b", options(server))
	name := "x/a-1~rc1^2+b.rpm"
	storetest.Put(t, s, name, []byte("content"), store.PutOptions{Immutable: true})
	if err := s.Copy(t.Context(), name, "a.rpm"); err != nil {
		t.Fatal(err)
	}
	get := func(url string) (int, string, http.Header) {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b), resp.Header
	}
	for n, cache := range map[string]string{name: "public, max-age=31536000, immutable", "a.rpm": "no-cache"} {
		link, err := s.Presign(t.Context(), n, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(link.URL, s.URL(n)+"?") {
			t.Errorf("%s is not %s signed", link.URL, s.URL(n))
		}
		if left := time.Until(link.Until); left < 50*time.Minute || left > time.Hour {
			t.Errorf("it is good for %s", left)
		}
		status, body, header := get(link.URL)
		if status != 200 || body != "content" || header.Get("Content-Type") != "application/x-rpm" || header.Get("Cache-Control") != cache {
			t.Errorf("%d %s %v", status, body, header)
		}
		if status, _, _ := get(s.URL(n)); status != 403 {
			t.Errorf("without a signature: %d", status) // this bucket is not public
		}
	}
	short, err := s.Presign(t.Context(), name, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	status := 200
	for range 50 {
		if status, _, _ = get(short.URL); status != 200 {
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	if status != 403 {
		t.Errorf("a link that is over: %d", status)
	}
	if _, err := s.Presign(t.Context(), "nothing", time.Hour); !errors.Is(err, store.ErrNotExist) {
		t.Errorf("a link to nothing: %v", err)
	}
	if _, err := s.Presign(t.Context(), name, 8*24*time.Hour); err == nil {
		t.Error("a link for longer than S3 allows")
	}
	// Somebody else's things under the prefix are left alone.
	server.Put(t, "a/b/some body's", []byte("x"))
	server.Put(t, "a/bc", []byte("x"))
	if got := storetest.Names(t, s, ""); !slices.Equal(got, []string{"a.rpm", name}) {
		t.Errorf("%q", got)
	}
	if got, err := server.Client().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &server.Bucket, Key: aws.String("a/b/a.rpm")}); err != nil || aws.ToInt64(got.ContentLength) != 7 {
		t.Errorf("the prefix is not where it belongs: %v", err)
	}
}
