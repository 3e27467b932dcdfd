package host

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// recipe says all that a root is made from, but for where packages come from.
//
//go:embed recipe
var recipe embed.FS

// rootLimit bounds the making of a root; a minute is usual.
const rootLimit = 15 * time.Minute

// root returns the cached Debian root, made if it lacks.
func root(ctx context.Context) (*entry, error) {
	key, err := recipeKey()
	if err != nil {
		return nil, err
	}
	e, err := cached(ctx, "root", key, makeRoot)
	if err != nil {
		return nil, err
	}
	return e, prune("root", keepRoots)
}

// recipeKey is the digest that names a root: a changed recipe is another root.
func recipeKey() (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(recipe, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := recipe.ReadFile(path)
		fmt.Fprintf(sum, "%s %d\n", path, len(text))
		sum.Write(text)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the recipe: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}

// makeRoot runs mmdebstrap into the folder path, which must not exist.
func makeRoot(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, rootLimit)
	defer cancel()
	temp, err := os.MkdirTemp("", "onerpm-root-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	defer os.RemoveAll(temp)
	args, err := mmdebstrapArgs(temp, path)
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

// mmdebstrapArgs lays the recipe out in temp and returns mmdebstrap's arguments.
func mmdebstrapArgs(temp, path string) ([]string, error) {
	sub, err := fs.Sub(recipe, "recipe")
	if err != nil {
		return nil, fmt.Errorf("read the recipe: %w", err)
	}
	if err := os.CopyFS(filepath.Join(temp, "recipe"), sub); err != nil {
		return nil, fmt.Errorf("lay the recipe out: %w", err)
	}
	text := func(name string) string {
		b, _ := fs.ReadFile(sub, name) // embedded: it is there
		return string(b)
	}
	base, err := baseRPM(text("provides"))
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(temp, "host-base.rpm"), base, 0o644); err != nil {
		return nil, fmt.Errorf("lay the recipe out: %w", err)
	}
	sources, err := writeSources("/etc/apt", temp)
	if err != nil {
		return nil, err
	}
	args := []string{
		"--mode=root", "--variant=minbase", "--format=directory", "--skip=cleanup/reproducible",
		"--include=" + strings.Join(recipeLines(text("packages")), ","),
		`--aptopt=Acquire::Languages "none"`, `--aptopt=APT::Install-Recommends "false"`,
		"--customize-hook=sync-in " + filepath.Join(temp, "recipe", "tree") + " /",
		"--customize-hook=copy-in " + filepath.Join(temp, "host-base.rpm") + " " + filepath.Join(temp, "recipe", "setup.sh") + " /",
		`--customize-hook=chroot "$1" sh /setup.sh`,
	}
	for _, pattern := range recipeLines(text("exclude")) {
		args = append(args, "--dpkgopt=path-exclude="+pattern)
	}
	for _, option := range aptAcquire() {
		args = append(args, "--aptopt="+option)
	}
	return append(append(args, suite, path), sources...), nil
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
