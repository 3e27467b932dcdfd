package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"onerpm/test/bench/internal/page"
	"onerpm/test/s3server"
)

// publishSize is about how large the published bundle is, in bytes.
const publishSize = 1050 * mb

// publishing measures the upload of one large bundle to an S3 server on this machine.
type publishing struct {
	bundler, engine, aws string
	earlier, commit      string // another bundler, and which one it is
	dir                  string
	rounds               int
}

func (p publishing) measure(ctx context.Context, doc string) error {
	file, err := p.bundle(ctx)
	if err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	ways := []struct {
		name string
		args func(round int) []string
	}{
		{"`aws s3 cp`", func(round int) []string {
			return []string{p.aws, "s3", "cp", "--no-progress", file, fmt.Sprintf("s3://test/peer%d/%s", round, filepath.Base(file))}
		}},
		{"`bundler publish`", p.publish(p.bundler, file)},
		{"`bundler publish` of " + p.commit, p.publish(p.earlier, file)},
	}
	best := make([]cost, len(ways))
	for round := range p.rounds {
		for i, w := range ways {
			got, err := p.once(ctx, w.args(round), info.Size())
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			fmt.Fprintf(os.Stderr, "publish %d MB, round %d: %-20s %6.2f s, %5.2f s of cores, %4d MiB\n",
				info.Size()/mb, round+1, w.name, got.wall.Seconds(), got.cpu.Seconds(), got.peak>>20)
			if round == 0 || got.wall < best[i].wall {
				best[i].wall, best[i].cpu = got.wall, got.cpu
			}
			best[i].peak = max(best[i].peak, got.peak)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Best of %d rounds, in which the ways take turns, each into an empty bucket of a versitygw on the same machine; the file is in the page cache before. "+
		"Cores and memory are the client's.\n\n| file | published by | wall time | of aws s3 cp | time of cores | peak memory |\n| --- | --- | --- | --- | --- | --- |\n", p.rounds)
	for i, w := range ways {
		fmt.Fprintf(&b, "| %d MB | %s | %.2f s | %.2f | %.2f s | %d MiB |\n", info.Size()/mb, w.name, best[i].wall.Seconds(),
			best[i].wall.Seconds()/best[0].wall.Seconds(), best[i].cpu.Seconds(), (best[i].peak+1<<20-1)>>20)
	}
	fmt.Print(b.String())
	return page.WriteSection(doc, "publish", b.String())
}

// publish gives the arguments with which a bundler publishes the file in a round.
func (p publishing) publish(program, file string) func(round int) []string {
	return func(round int) []string {
		return []string{program, "publish", file, "--project", filepath.Join(p.dir, fmt.Sprint(publishSize)), "--to", fmt.Sprintf("s3://test/store%d", round),
			"--channel", "testing", "--key", "test/keys/demo.key.asc"}
	}
}

// bundle builds the file.
func (p publishing) bundle(ctx context.Context) (string, error) {
	project, err := newProject(ctx, filepath.Join(".cache", "bench"), p.dir, publishSize)
	if err != nil {
		return "", err
	}
	out, err := filepath.Abs(filepath.Join(p.dir, "publish"))
	if err != nil {
		return "", err
	}
	said, err := exec.CommandContext(ctx, p.bundler, "build", "1.0-2.0", "--plain", "--project", project.dir, "--output", out, "--engine", p.engine, "--key", "test/keys/demo.key.asc").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("bundler build: %w\n%s", err, said)
	}
	found, err := filepath.Glob(filepath.Join(out, "*.rpm"))
	if err != nil || len(found) != 1 {
		return "", errors.Join(err, fmt.Errorf("bundler build made %d bundles", len(found)))
	}
	return found[0], nil
}

// once publishes into a fresh bucket, and proves that all of the file's bytes are there.
func (p publishing) once(ctx context.Context, args []string, size int64) (c cost, err error) {
	dir, err := os.MkdirTemp(p.dir, "s3-")
	if err != nil {
		return c, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a leftover does no harm
	server, stop, err := s3server.Run(ctx, dir)
	if err != nil {
		return c, err
	}
	defer stop()
	syscall.Sync() // what others wrote is not our time
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = environment(server.Env())
	began := time.Now()
	if said, err := cmd.CombinedOutput(); err != nil {
		return c, fmt.Errorf("%w\n%s", err, said)
	}
	c.wall = time.Since(began)
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return c, fmt.Errorf("no usage of %s is known", args[0])
	}
	c.cpu, c.peak = cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), usage.Maxrss<<10
	return c, arrived(server.Dir, size)
}

// environment is this process's, with the server's in place of every other AWS setting.
// An empty AWS_PROFILE is no profile to Go's SDK, and one named "" to aws itself.
func environment(server []string) []string {
	env := slices.DeleteFunc(os.Environ(), func(line string) bool { return strings.HasPrefix(line, "AWS_") })
	for _, line := range server {
		if _, value, _ := strings.Cut(line, "="); value != "" {
			env = append(env, line)
		}
	}
	return env
}

func arrived(dir string, size int64) error {
	there := false
	err := filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		there = there || err == nil && info.Mode().IsRegular() && info.Size() == size
		return err
	})
	if err == nil && !there {
		err = fmt.Errorf("no file of %d bytes arrived", size)
	}
	return err
}
