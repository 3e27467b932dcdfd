package repo_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/repo"
	"onerpm/bundler/internal/store"
	"onerpm/test/s3server"
	"onerpm/test/s3server/fault"
)

// sound fails the test unless what customers read is right: pointers, metadata, bundles. What is derived may be late.
func sound(t testing.TB, s store.Store, what string) {
	t.Helper()
	r := open(t, s, func(o *repo.Options) { o.Key, o.Public = nil, public(t) })
	rep, err := r.Verify(t.Context())
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	for _, p := range rep.Problems {
		// Of an empty store the second channel may not be there yet.
		if strings.Contains(p, "/g/") || strings.Contains(p, "packages/") || strings.Contains(p, "mirrorlist") && !strings.HasSuffix(p, "/mirrorlist is not there") {
			t.Errorf("%s: %s", what, p)
		}
	}
}

// TestRequestsFail publishes into a bucket again and again. Each time another request goes wrong, in another way: once, and
// then the publisher comes through; or from then on, and then it says so, what there is is sound, and the next run mends the rest.
func TestRequestsFail(t *testing.T) {
	t.Parallel()
	file := build(t, jump{from: "1.0", to: "1.1", revision: 1})
	once := []fault.Action{
		fault.Answer(500, "InternalError"), fault.Answer(503, "SlowDown"), fault.Drop(), fault.CutAnswer(-1), fault.CutAnswer(10),
		fault.CutRequest(10), fault.FlipRequest(10), fault.FlipAnswer(10), fault.Delay(20 * time.Millisecond),
	}
	lasting := []fault.Action{
		fault.Answer(403, "AccessDenied"), fault.Answer(400, "ExpiredToken"), fault.Answer(503, "SlowDown"), fault.Drop(), fault.CutAnswer(-1),
	}
	server := s3server.Start(t)
	l := load(t, file)
	proxy := fault.Start(t, server)
	publish(t, open(t, through(t, proxy, "count")), file, repo.Testing)
	requests := proxy.Requests()
	t.Logf("one publish makes %d requests", requests)
	for n := range requests {
		f := fault.Fault{Skip: n, Times: 1, Do: once[n/2%len(once)]}
		if n%2 == 1 {
			f = fault.Fault{Skip: n, Do: lasting[n/2%len(lasting)]}
		}
		failAt(t, proxy, f, n, l)
	}
}

// through opens a store behind a proxy.
func through(t *testing.T, p *fault.Proxy, name string) store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), "s3://"+p.Bucket+"/"+name, storeOptions(p))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func storeOptions(p *fault.Proxy) store.Options {
	return store.Options{AWS: p.Config(), Backoff: time.Millisecond, Retries: 3, Stall: 5 * time.Second}
}

// failAt publishes into a new store through a broken proxy, and once more when it is whole again.
func failAt(t *testing.T, proxy *fault.Proxy, f fault.Fault, n int, l *repo.Local) {
	what := fmt.Sprintf("request %d, %d times", n, f.Times)
	name := fmt.Sprintf("at-%d-%d", n, f.Times)
	proxy.Heal()
	proxy.Break(f)
	s, err := store.Open(t.Context(), "s3://"+proxy.Bucket+"/"+name, storeOptions(proxy))
	if err == nil {
		_, err = open(t, s).Publish(t.Context(), l, repo.Testing)
	}
	asked := proxy.Requests()
	proxy.Heal()
	s = through(t, proxy, name)
	switch {
	case f.Times == 1 && err != nil:
		t.Errorf("%s: %v", what, err)
	case f.Times == 0 && asked > n && (err == nil || exit.Code(err) != exit.Store || exit.Hint(err) == ""):
		t.Errorf("%s: code %d, hint %q: %v", what, exit.Code(err), exit.Hint(err), err)
	}
	if err == nil {
		whole(t, s)
		return
	}
	if names(t, s, "RPM-GPG-KEY") != nil {
		sound(t, s, what)
	}
	if _, err := open(t, s).Publish(t.Context(), l, repo.Testing); err != nil {
		t.Errorf("%s, and again: %v", what, err)
	}
	whole(t, s)
}

var errBroken = errors.New("broken on purpose")

// flaky is a store of which, from one of its operations on, everything fails: as for a process that is killed there.
type flaky struct {
	store.Store
	left atomic.Int64 // operations that are done
}

func (f *flaky) try(do func() error) error {
	if f.left.Add(-1) < 0 {
		return errBroken
	}
	return do()
}

func (f *flaky) Stat(ctx context.Context, name string) (i store.Info, err error) {
	err = f.try(func() error { i, err = f.Store.Stat(ctx, name); return err })
	return i, err
}

func (f *flaky) Open(ctx context.Context, name string) (rc io.ReadCloser, i store.Info, err error) {
	if f.left.Add(-1) < 0 {
		return nil, i, errBroken
	}
	return f.Store.Open(ctx, name)
}

func (f *flaky) Put(ctx context.Context, name string, c store.Content, o store.PutOptions) (tag string, err error) {
	err = f.try(func() error { tag, err = f.Store.Put(ctx, name, c, o); return err })
	return tag, err
}

func (f *flaky) Copy(ctx context.Context, from, to string) error {
	return f.try(func() error { return f.Store.Copy(ctx, from, to) })
}

func (f *flaky) Delete(ctx context.Context, name string) error {
	return f.try(func() error { return f.Store.Delete(ctx, name) })
}

func (f *flaky) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	if f.left.Add(-1) < 0 {
		return func(yield func(store.Info, error) bool) { yield(store.Info{}, errBroken) }
	}
	return f.Store.List(ctx, prefix)
}

// TestEndedAnywhere ends publish, and withdraw, before each of the operations that they do on a store; what customers read is sound whenever it was, and the next run mends the rest.
func TestEndedAnywhere(t *testing.T) {
	t.Parallel()
	first, second := build(t, jump{from: "1.0", to: "1.1", revision: 1}), load(t, build(t, jump{from: "1.0", to: "1.1", revision: 2}))
	dir := t.TempDir()
	s, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	publish(t, open(t, s), first, repo.Stable)
	t.Run("publish", func(t *testing.T) {
		t.Parallel()
		endAnywhere(t, dir, func(r *repo.Repo) error { _, err := r.Publish(t.Context(), second, repo.Stable); return err })
	})
	t.Run("withdraw", func(t *testing.T) {
		t.Parallel()
		endAnywhere(t, dir, func(r *repo.Repo) error { _, err := r.Withdraw(t.Context(), nevra1, "wrong"); return err })
	})
}

// endAnywhere does something with a copy of a store, ended one operation later each time.
func endAnywhere(t *testing.T, before string, do func(r *repo.Repo) error) {
	for n := int64(0); ; n++ {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(before)); err != nil {
			t.Fatal(err)
		}
		s, err := store.Open(t.Context(), dir, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		f := &flaky{Store: s}
		f.left.Store(n)
		err = do(open(t, f))
		if err != nil && !errors.Is(err, errBroken) {
			t.Errorf("ended at %d: %v", n, err)
		}
		sound(t, s, fmt.Sprintf("ended at %d", n))
		if err := do(open(t, s)); err != nil {
			t.Errorf("after it was ended at %d: %v", n, err)
		}
		whole(t, s)
		if err == nil {
			t.Logf("%d operations", n)
			return
		}
	}
}
