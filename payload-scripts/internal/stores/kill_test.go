package stores

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/store/storetest"
)

// taskVariable names, in the environment of a process that is to be killed, the file that tells what it does.
const taskVariable = "STORES_TEST_TASK"

// task is what such a process works on.
type task struct {
	Manifest       manifest.Manifest
	Secrets, Notes string
}

// child goes to the new release as an engine does.
func child(file string) int {
	data, err := os.ReadFile(file)
	var todo task
	if err == nil {
		err = json.Unmarshal(data, &todo)
	}
	set := &Set{Manifest: &todo.Manifest, Attempt: "a1", Secrets: todo.Secrets, Notes: todo.Notes, With: with,
		Guard: func(ctx context.Context, _ *database.DB, work func(context.Context) error) error { return work(ctx) }}
	ctx := context.Background()
	if err == nil {
		err = set.Record(true)
	}
	if err == nil {
		err = set.Copy(ctx)
	}
	if err == nil {
		err = set.Converge(ctx, manifest.New)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// engine runs an engine process, and kills it at the n-th request to the source; 0 for never. It tells
// how many requests there were, and whether it was killed.
func (b *bed) engine(n int) (asked int, killed bool) {
	b.Helper()
	set := b.set()
	data, err := json.Marshal(task{Manifest: *b.m, Secrets: set.Secrets, Notes: set.Notes})
	b.Must(err)
	file := filepath.Join(b.dir, "task")
	b.Must(os.WriteFile(file, data, 0o600))
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), taskVariable+"="+file)
	var said strings.Builder
	cmd.Stderr = &said
	var mu sync.Mutex
	b.source.Do(func() {
		b.source.Hook = func(http.ResponseWriter, *http.Request, string) bool {
			mu.Lock()
			defer mu.Unlock()
			if asked++; asked == n {
				_ = cmd.Process.Signal(syscall.SIGKILL)
			}
			return false
		}
	})
	err = cmd.Run()
	b.source.Do(func() { b.source.Hook = nil })
	mu.Lock()
	defer mu.Unlock()
	killed = cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled()
	if !killed {
		b.Must(err)
	}
	return asked, killed
}

// TestKilledAnywhere kills engines with signal 9 at requests all along both readings; the next one
// goes on to the new release, or back to the old one, with nothing lost and nothing left.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBed(t)
	storetest.NewProduct(b.source, 21).Work(250)
	all, killed := b.engine(0)
	if killed {
		t.Fatal("it was killed")
	}
	want := storetest.Content(b.Value)
	if strings.Count(want, "\n") < 100 {
		t.Fatalf("only %d rows", strings.Count(want, "\n"))
	}
	b.Must(b.set().Converge(ctx, manifest.Old))
	b.Must(b.set().Prove(ctx))
	deaths := 0
	for _, part := range []int{1, 6, 15, 30, 45, 55, 70, 80, 90, 97} {
		at := max(1, all*part/100)
		b.Must(os.RemoveAll(b.set().Notes)) // of the attempt before
		if _, killed := b.engine(at); killed {
			deaths++
		}
		if part%2 == 0 {
			if _, killed := b.engine(at / 2); killed { // and again, early
				deaths++
			}
			if again, _ := b.engine(0); part >= 70 && again >= all {
				t.Errorf("after a kill at request %d of %d it began anew: %d requests", at, all, again)
			}
			b.Same(fmt.Sprintf("copies after a kill at request %d of %d", at, all), storetest.Content(b.Value), want)
		}
		b.Must(b.set().Converge(ctx, manifest.Old))
		b.Must(b.set().Prove(ctx))
		if got := strings.TrimSpace(storetest.Content(b.Value)); got != "" {
			t.Errorf("after a kill at request %d of %d there is %s", at, all, got)
		}
		b.Want("SELECT count(*) FROM pg_class WHERE relname LIKE '%store%'", "0")
	}
	if deaths < 12 {
		t.Errorf("engines were killed only %d times", deaths)
	}
}
