package machine

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// recipe says what a machine without the product is made of: debian/ the packages of
// its Debian root, base/ what is laid over that and run in it; @PRODUCT@ is the place of what a product
// adds (System). Where the packages come from, the machine that makes it says.
//
//go:embed recipe
var recipe embed.FS

// debianLimit bounds the making of the Debian root; a minute is usual where nothing
// else is at work.
const debianLimit = 20 * time.Minute

// recipeText returns a file of the recipe.
func recipeText(name string) string {
	text, err := recipe.ReadFile("recipe/" + name)
	if err != nil {
		panic(err) // embedded: it is there
	}
	return string(text)
}

// debian returns the cached Debian root, made if it lacks.
func debian(ctx context.Context, r root) (*entry, error) {
	e, err := r.cached(ctx, "debian", r.rootKey(), r.makeDebian)
	if err != nil {
		return nil, err
	}
	if err := prune("debian", keepRoots); err != nil {
		e.release()
		return nil, err
	}
	return e, nil
}

// makeDebian makes the Debian root as the folder path, which must not exist. Its packages come over a
// network: what fails is tried again, three times in all.
func (r root) makeDebian(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, debianLimit)
	defer cancel()
	for try := 1; ; try++ {
		err := r.mmdebstrap(ctx, path)
		if err == nil || try == 3 || ctx.Err() != nil {
			return err
		}
		time.Sleep(5 * time.Second)
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("remove what was left half made: %w", err)
		}
	}
}

// mmdebstrap is one try of makeDebian.
func (r root) mmdebstrap(ctx context.Context, path string) error {
	temp, err := os.MkdirTemp("", "onerpm-debian-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(temp) }()
	args, err := r.mmdebstrapArgs(temp, path)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "mmdebstrap", args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that it unmounts
	cmd.WaitDelay = 20 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("mmdebstrap: %w\n%s", err, lastLines(out, 25))
	}
	return nil
}

// mmdebstrapArgs returns mmdebstrap's arguments; package sources are put into temp.
func (r root) mmdebstrapArgs(temp, path string) ([]string, error) {
	sources, err := writeSources("/etc/apt", temp, r.platform)
	if err != nil {
		return nil, err
	}
	args := []string{
		"--mode=root", "--variant=minbase", "--format=directory", "--skip=cleanup/reproducible",
		"--include=" + strings.Join(r.packages(), ","),
		`--aptopt=Acquire::Languages "none"`, `--aptopt=APT::Install-Recommends "false"`,
	}
	for _, pattern := range r.excludes() {
		args = append(args, "--dpkgopt=path-exclude="+pattern)
	}
	for _, option := range aptAcquire() {
		args = append(args, "--aptopt="+option)
	}
	return append(append(args, r.suite, path), sources...), nil
}

// aptAcquire returns how this machine's apt reaches its sources, where that is not
// the default: a proxy, or a snapshot older than its validity.
func aptAcquire() []string {
	out, err := exec.Command("apt-config", "dump").Output()
	if err != nil {
		return nil
	}
	var options []string
	for _, line := range recipeLines(string(out)) {
		for _, key := range []string{"Acquire::http", "Acquire::https", "Acquire::Check-", "Acquire::Retries", "Acquire::ForceIPv4"} {
			if strings.HasPrefix(line, key) && !strings.HasSuffix(line, ` "";`) {
				options = append(options, strings.TrimSuffix(line, ";"))
				break
			}
		}
	}
	return options
}

// lastLines returns the last n lines of a program's output.
func lastLines(out []byte, n int) string {
	lines := strings.Split(string(bytes.TrimSpace(out)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
