package machine

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"time"

	"github.com/google/rpmpack"
)

// base returns the cached layer that makes a Debian root a test machine.
func base(ctx context.Context, r root) (*entry, error) {
	key, err := r.baseKey()
	if err != nil {
		return nil, err
	}
	e, err := r.cached(ctx, "base", key, r.makeBase)
	if err != nil {
		return nil, err
	}
	if err := prune("base", keepLayers); err != nil {
		e.release()
		return nil, err
	}
	return e, nil
}

// makeBase lays the recipe's tree over a Debian root and runs the recipe's script in it.
func (r root) makeBase(ctx context.Context, path string) error {
	below, err := debian(ctx, r)
	if err != nil {
		return err
	}
	return keepChanges(ctx, []*entry{below}, path, func(ctx context.Context, m *Machine) error {
		tree, err := fs.Sub(recipe, "recipe/base/tree")
		if err != nil {
			return fmt.Errorf("read the recipe: %w", err)
		}
		pkg, err := baseRPM(r.text("base/provides"))
		if err != nil {
			return err
		}
		if err := m.writeTree(tree); err != nil {
			return err
		}
		if r.Tree != nil {
			if err := m.writeTree(r.Tree); err != nil {
				return err
			}
		}
		if err := m.WriteFile("/host-base.rpm", pkg, 0o644); err != nil {
			return err
		}
		if err := m.WriteFile("/setup.sh", []byte(r.fill(r.text("base/setup.sh"))), 0o755); err != nil {
			return err
		}
		return tool(ctx, "chroot", m.merged(), "/setup.sh")
	})
}

// writeTree lays files over the machine's, readable by all.
func (m *Machine) writeTree(tree fs.FS) error {
	return fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return fmt.Errorf("read the recipe: %w", err)
		}
		return m.WriteFile(name, text, 0o644)
	})
}

// baseRPM makes the package host-base: no files, only the promise that the machine
// has what components require of a distribution, one name a line in provides.
func baseRPM(provides string) ([]byte, error) {
	meta := rpmpack.RPMMetaData{
		Name: "host-base", Version: "12", Release: "1", Arch: "noarch", Epoch: rpmpack.NoEpoch,
		Summary:     "What the test machine's distribution provides",
		Description: "Lets rpm on a Debian root find what components require of the distribution.",
		OS:          "linux", Licence: "Apache-2.0", Compressor: "gzip",
		BuildTime: time.Unix(1735689600, 0), // fixed: same bytes everywhere
	}
	for _, line := range recipeLines(provides) {
		if err := meta.Provides.Set(line); err != nil {
			return nil, fmt.Errorf("provide %q: %w", line, err)
		}
	}
	pkg, err := rpmpack.NewRPM(meta)
	if err != nil {
		return nil, fmt.Errorf("make host-base: %w", err)
	}
	var out bytes.Buffer
	if err := pkg.Write(&out); err != nil {
		return nil, fmt.Errorf("write host-base: %w", err)
	}
	return out.Bytes(), nil
}

// recipeLines returns the lines of a recipe file but for blank ones and comments.
func recipeLines(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}

// tool runs a program of the host's.
func tool(ctx context.Context, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = cleanEnv()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, lastLines(out, 10))
	}
	return nil
}
