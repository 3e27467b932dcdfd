package repo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"onerpm/bundler/internal/repo"
	"onerpm/test/need"
)

const publishers = 20

// TestTwenty has twenty processes publish twenty bundles at once, kills some of them again and again, and runs those
// again, while a customer's dnf looks all the time. Then all twenty are there, dnf has never seen an error, and a
// week later nothing is left of the killed ones.
func TestTwenty(t *testing.T) {
	t.Parallel()
	need.Time(t)
	var files []string
	want := []string{prefix + "-1.0-1.0-1.x86_64"}
	first := build(t, jump{from: "0.9", to: "1.0", revision: 1})
	for i := range publishers {
		files = append(files, build(t, jump{from: fmt.Sprintf("1.%d", i), to: fmt.Sprintf("1.%d", i+1), revision: 1}))
		want = append(want, fmt.Sprintf("%s-1.%d-1.%d-1.x86_64", prefix, i+1, i+1))
	}
	slices.Sort(want)
	everywhere(t, func(t *testing.T, w world) {
		publish(t, open(t, w), first, repo.Testing)
		began := time.Now()
		run(t, w, first, 0)
		most := 4 * time.Since(began) // that is how long one takes, more or less, when twenty are at it
		stop := look(t, newDnf(t, w, repo.Testing))
		kills := 0
		var mu sync.Mutex
		var group sync.WaitGroup
		for i, f := range files {
			group.Go(func() {
				for try := 0; ; try++ {
					kill := rand.N(most)
					if i%2 == 1 || try == 2 {
						kill = 0
					}
					if run(t, w, f, kill) {
						return
					}
					mu.Lock()
					kills++
					mu.Unlock()
				}
			})
		}
		group.Wait()
		looks := stop()
		t.Logf("%d publishers were killed, dnf looked %d times", kills, looks)
		if kills == 0 || looks == 0 {
			t.Error("nobody was killed, or dnf did not look")
		}
		newDnf(t, w, repo.Testing).finds(t, want...)
		whole(t, w)

		later := open(t, w, func(o *repo.Options) { o.Now = func() time.Time { return time.Now().AddDate(0, 0, 8) } })
		if err := later.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		whole(t, w)
		// Of each bundle: the file, its details, four companions. Two generations of seven files and their notes, two pointers; five derived
		// files. For copies: three more in stable's generation, five at the top.
		if got, n := names(t, w, ""), (publishers+1)*6+2*7+2+2+5+3+5; len(got) != n {
			t.Errorf("%d files are left, not %d:\n%s", len(got), n, strings.Join(got, "\n"))
		}
		if left, err := filepath.Glob(filepath.Join(w.address, ".bundler-store", "part-*")); err != nil || left != nil {
			t.Errorf("left: %v, %v", left, err)
		}
	})
}

// run publishes a bundle in a process of its own, and kills it after a time, unless that is 0 or it was faster. It tells
// whether it came to its end.
func run(t *testing.T, w world, file string, kill time.Duration) bool {
	runtime.LockOSThread() // Pdeathsig is sent when the thread ends that made the child
	defer runtime.UnlockOSThread()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], file)
	cmd.Env = append(slices.Clone(w.env), publisherStore+"="+w.address, "TMPDIR="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return true
	}
	if kill > 0 {
		timer := time.AfterFunc(kill, func() { _ = cmd.Process.Kill() }) // it may have ended
		defer timer.Stop()
	}
	err := cmd.Wait()
	var ended *exec.ExitError
	if kill > 0 && errors.As(err, &ended) && !ended.Exited() {
		return false
	}
	if err != nil {
		t.Errorf("publish %s: %v\n%s", file, err, out.Bytes())
	}
	return true
}

// look has dnf look again and again until stop is called, which tells how often it was.
func look(t *testing.T, d dnf) (stop func() int) {
	t.Helper()
	end, ended, n := make(chan struct{}), make(chan struct{}), 0
	go func() {
		defer close(ended)
		seen := 0
		for {
			list, err := d.list()
			if err != nil || len(list) < seen {
				t.Errorf("dnf finds %d bundles after %d: %v", len(list), seen, err)
				return
			}
			seen = len(list)
			n++
			select {
			case <-end:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	return func() int { close(end); <-ended; return n }
}
