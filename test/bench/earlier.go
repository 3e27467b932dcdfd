package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// earlier builds the bundler of an earlier commit into dir, to run beside the present one in the same rounds, and returns its file
// and the commit's short name. All that it needs is this repository's own history.
func earlier(ctx context.Context, commit, dir string) (program, name string, err error) {
	short, err := exec.CommandContext(ctx, "git", "rev-parse", "--verify", "--short", commit+"^{commit}").Output()
	if err != nil {
		return "", "", fmt.Errorf("commit %s, whose bundler is measured beside this one, is not in this repository: "+
			"in a shallow clone, git fetch --unshallow brings it; --earlier names another one: %w", commit, err)
	}
	tree := filepath.Join(dir, "earlier-tree")
	if err := os.Mkdir(tree, 0o700); err != nil {
		return "", "", err
	}
	defer os.RemoveAll(tree) //nolint:errcheck // a leftover does no harm
	archive := filepath.Join(dir, "earlier.tar")
	defer os.Remove(archive) //nolint:errcheck // likewise
	if program, err = filepath.Abs(filepath.Join(dir, "earlier-bundler")); err != nil {
		return "", "", err
	}
	for _, step := range []struct {
		dir  string
		args []string
	}{
		{".", []string{"git", "archive", "--output", archive, commit}},
		{".", []string{"tar", "-xf", archive, "-C", tree}},
		{tree, []string{"go", "build", "-trimpath", "-buildvcs=false", "-o", program, "./bundler"}},
	} {
		cmd := exec.CommandContext(ctx, step.args[0], step.args[1:]...)
		cmd.Dir, cmd.Env = step.dir, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", "", fmt.Errorf("build the bundler of commit %s: %s: %w\n%s", commit, strings.Join(step.args[:2], " "), err, out)
		}
	}
	return program, strings.TrimSpace(string(short)), nil
}
