package fetch_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"onerpm/bundler/internal/fetch"
	"onerpm/internal/nevra"
)

// killedEnv tells a copy of the test program to fetch: "<source> <name> <sha256> <size> <cache>".
const killedEnv = "ONERPM_TEST_FETCH"

// TestHelperFetch is the program that TestKilled kills.
func TestHelperFetch(t *testing.T) {
	job := strings.Fields(os.Getenv(killedEnv))
	if len(job) == 0 {
		return
	}
	item := fetch.Item{ID: nevra.ID{Name: job[1], Epoch: 1, Version: "4.2.0", Release: "ga", Arch: "noarch"}, SHA256: job[2], Source: job[0]}
	if _, err := fmt.Sscan(job[3], &item.Size); err != nil {
		t.Fatal(err)
	}
	if _, err := fetch.Files(t.Context(), []fetch.Item{item}, fetch.Options{Cache: job[4]}); err != nil {
		t.Fatal(err)
	}
}

// TestKilled kills a fetching process at several places. Never is there anything
// under a final name that is not whole, and the next run gets everything, going on where the last one stopped.
func TestKilled(t *testing.T) {
	t.Parallel()
	a := makePackage(t, "a", 400_000)
	s, o := serve(t, a), quick(t)
	for _, at := range []int{1, 100_000, 399_000} {
		arrived := make(chan struct{})
		s.behave(func(_ int, w http.ResponseWriter, r *http.Request) bool {
			start := 0
			_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &start)
			if start > 0 {
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, len(a.data)-1, len(a.data)))
				w.WriteHeader(http.StatusPartialContent)
			}
			_, _ = w.Write(a.data[start:at])
			_ = http.NewResponseController(w).Flush()
			close(arrived)
			<-r.Context().Done()
			return true
		})
		cmd := exec.Command(os.Args[0], "-test.run=^TestHelperFetch$", "-test.count=1")
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %s %d %s", killedEnv, s.URL, a.item.Name, a.item.SHA256, a.item.Size, o.Cache))
		cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-arrived
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		for _, name := range cached(t, o) {
			if !strings.HasSuffix(name, ".part") {
				t.Errorf("killed at %d: %s is there", at, name)
			}
		}
	}
	s.behave(nil)
	files, err := fetch.Files(t.Context(), []fetch.Item{a.from(s.URL)}, o)
	if err != nil {
		t.Fatal(err)
	}
	a.holds(t, files[0])
	if list := cached(t, o); len(list) != 1 {
		t.Errorf("cache: %v", list)
	}
}
