package script

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// TestWrite runs what was just written while others start programs all the time.
func TestWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 50 {
				path := filepath.Join(dir, fmt.Sprint(i, "-", n))
				if err := Write(path, "#!/bin/sh\necho "+fmt.Sprint(n)); err != nil {
					t.Error(err)
					return
				}
				if out, err := exec.Command(path).CombinedOutput(); err != nil || string(out) != fmt.Sprintln(n) {
					t.Errorf("%q, %v", out, err)
				}
			}
		})
	}
	wg.Wait()
}
