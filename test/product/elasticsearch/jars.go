package elasticsearch

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Version is Elasticsearch's.
const Version = "1.6.0"

// PatchJar goes before all other jars on the class path.
const PatchJar = "patch.jar"

//go:embed pom.xml
var pom []byte

// jarSums has a line for each jar, as sha256sum writes it, with its path in a Maven repository.
//
//go:embed jars.sha256
var jarSums string

var fetching sync.Mutex

// Jars returns a folder with the jars of jars.sha256 and PatchJar. They are fetched by Maven once
// on a machine, into the user's cache folder; tests that need them meanwhile, in other processes too, wait.
func Jars(ctx context.Context) (string, error) {
	fetching.Lock()
	defer fetching.Unlock()
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	base = filepath.Join(base, "onerpm-test")
	if err := os.MkdirAll(base, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(base, "elasticsearch.lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }() // and with it the lock ends
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	sum := sha256.Sum256(append([]byte(jarSums), mainClass()...))
	dir := filepath.Join(base, "elasticsearch-"+Version+"-"+hex.EncodeToString(sum[:6]))
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return dir, err
	}
	return dir, makeJars(ctx, base, dir)
}

// makeJars works in a folder of its own and renames, so that a part is never taken for the whole.
func makeJars(ctx context.Context, base, dir string) error {
	left, err := filepath.Glob(filepath.Join(base, "elasticsearch-part-*")) // of runs that were killed: we hold the lock
	if err != nil {
		return err
	}
	for _, d := range left {
		if err := os.RemoveAll(d); err != nil {
			return err
		}
	}
	part, err := os.MkdirTemp(base, "elasticsearch-part-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(part) }() // the next run removes it otherwise
	repository, jars := filepath.Join(part, "repository"), filepath.Join(part, "jars")
	if err := os.Mkdir(jars, 0o755); err != nil {
		return err
	}
	for try := 1; ; try++ {
		if err = fetch(ctx, part, repository); err == nil {
			if err = takeJars(repository, jars); err == nil {
				break
			}
		}
		if try == 3 || ctx.Err() != nil { // they come over a network
			return fmt.Errorf("fetch Elasticsearch %s with Maven: %w", Version, err)
		}
		time.Sleep(5 * time.Second)
	}
	if err := writePatch(jars); err != nil {
		return err
	}
	return os.Rename(jars, dir)
}

func fetch(ctx context.Context, dir, repository string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	file := filepath.Join(dir, "pom.xml")
	if err := os.WriteFile(file, pom, 0o644); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "mvn", "-q", "-B", "-C", "-f", file, "dependency:copy-dependencies", "-DincludeScope=runtime",
		"-Dmdep.useRepositoryLayout=true", "-DoutputDirectory="+repository)
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("no Maven is installed; make prepare installs it: %w", err)
	case err != nil:
		return fmt.Errorf("mvn: %w\n%s", err, out)
	}
	return nil
}

// takeJars copies what jars.sha256 names. A jar that is another one is removed from Maven's own
// repository too, because Maven does not ask for it again otherwise.
func takeJars(repository, dir string) error {
	for line := range strings.Lines(jarSums) {
		want, path, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			return fmt.Errorf("jars.sha256: %q is no digest and path", line)
		}
		body, err := os.ReadFile(filepath.Join(repository, path))
		if err != nil {
			return err
		}
		if got := sha256.Sum256(body); hex.EncodeToString(got[:]) != want {
			err := fmt.Errorf("%s has the SHA-256 %x, not %s", path, got, want)
			home, homeErr := os.UserHomeDir()
			if homeErr == nil {
				homeErr = os.RemoveAll(filepath.Join(home, ".m2", "repository", filepath.Dir(path)))
			}
			return errors.Join(err, homeErr)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), body, 0o644); err != nil {
			return err
		}
	}
	return nil
}
