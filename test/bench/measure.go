package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// contender is a way to make one file of the components; it leaves it in out.
type contender struct {
	name string
	args func(p project, out string) []string
}

const peerArg = "peer"

// contenders are, in this order: the measure, the bundler, the earlier bundler, and peers.
func contenders(bundler, earlier, commit, engine string, peers bool) []contender {
	self := func(kind string) func(project, string) []string {
		return func(p project, out string) []string {
			return append([]string{"/proc/self/exe", peerArg, kind, out}, p.components...)
		}
	}
	build := func(program string, more ...string) func(project, string) []string {
		return func(p project, out string) []string {
			args := []string{program, "build", "1.0-2.0", "--project", p.dir, "--output", out, "--engine", engine, "--key", "test/keys/demo.key.asc"}
			return append(args, more...)
		}
	}
	list := []contender{
		{"read, sha256, write", self("copy")},
		{"`bundler build --plain`", build(bundler, "--plain")},
		{"`bundler build` of " + commit, build(earlier)},
	}
	if peers {
		list = append(list, contender{"rpmbuild, uncompressed payload", self("rpmbuild")}, contender{"rpmpack as it comes", self("rpmpack")})
	}
	return list
}

// cost is what a run took.
type cost struct {
	wall time.Duration
	cpu  time.Duration // of all cores together
	peak int64         // bytes of the largest process
}

type result struct {
	total int64
	names []string
	best  []cost
}

// measureAll runs every contender in every round, one after another, and keeps each one's best.
func measureAll(ctx context.Context, p project, list []contender, rounds int) (result, error) {
	r := result{total: p.total, best: make([]cost, len(list))}
	for _, c := range list {
		r.names = append(r.names, c.name)
	}
	for round := range rounds {
		for i, c := range list {
			got, err := measure(ctx, p, c)
			if err != nil {
				return r, fmt.Errorf("%s: %w", c.name, err)
			}
			fmt.Fprintf(os.Stderr, "%4d MB, round %d: %-32s %6.2f s, %5.2f s of cores, %4d MiB\n",
				p.total/mb, round+1, c.name, got.wall.Seconds(), got.cpu.Seconds(), got.peak>>20)
			if round == 0 || got.wall < r.best[i].wall {
				r.best[i].wall, r.best[i].cpu = got.wall, got.cpu
			}
			r.best[i].peak = max(r.best[i].peak, got.peak) // of memory, the worst
		}
	}
	return r, nil
}

func measure(ctx context.Context, p project, c contender) (cost, error) {
	out, err := os.MkdirTemp(filepath.Dir(p.dir), "out-")
	if err != nil {
		return cost{}, err
	}
	defer os.RemoveAll(out) //nolint:errcheck // a leftover does no harm
	syscall.Sync()          // what others wrote is not our time
	args := c.args(p, out)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return cost{}, fmt.Errorf("%w\n%s", err, said.String())
	}
	took := time.Since(began)
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return cost{}, fmt.Errorf("no usage of %s is known", args[0])
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return cost{wall: took, cpu: cpu, peak: usage.Maxrss << 10}, nil
}
