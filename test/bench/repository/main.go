// Command repository measures what one more RPM costs in a yum repository that has
// many already, beside createrepo_c --update doing the same in the same run, and
// writes the table into docs/benchmarks.md:
//
//	go run ./test/bench/repository [--packages 10,10000] [--rounds N] [--doc FILE]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"onerpm/test/bench/internal/page"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "repository:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == makeArg {
		return makeAll(args[1:])
	}
	flags := flag.NewFlagSet("repository", flag.ContinueOnError)
	packages := flags.String("packages", "10,10000", "RPMs that are there already")
	rounds := flags.Int("rounds", 3, "measure so many times, and tell the best")
	doc := flags.String("doc", "docs/benchmarks.md", "write the table into `FILE`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := os.MkdirAll(".cache", 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(".cache", "bench-repository-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a leftover does no harm
	onemore := filepath.Join(dir, "onemore")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", onemore, "./bundler/internal/repodata/onemore").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	var rows []row
	for text := range strings.SplitSeq(*packages, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("--packages %s: %w", *packages, err)
		}
		r, err := measure(ctx, filepath.Join(dir, text), onemore, n, *rounds)
		if err != nil {
			return err
		}
		rows = append(rows, r...)
	}
	table := markdown(rows, *rounds)
	fmt.Print(table)
	return page.WriteSection(*doc, "repository", table)
}

// way is a way to add one RPM: before brings the repository to where it was, after checks the outcome.
type way struct {
	name   string
	before func() error
	args   []string
	after  func() error
}

// row is a way's best wall time with that round's time of cores, and the most memory of all rounds.
type row struct {
	packages  int
	way       string
	wall, cpu time.Duration
	peak      int64 // bytes
}

func measure(ctx context.Context, dir, onemore string, packages, rounds int) ([]row, error) {
	ways, err := prepare(ctx, dir, onemore, packages)
	if err != nil {
		return nil, err
	}
	rows := make([]row, len(ways))
	for round := range rounds {
		for i, w := range ways {
			if err := w.before(); err != nil {
				return nil, err
			}
			got, err := timed(ctx, w)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", w.name, err)
			}
			fmt.Fprintf(os.Stderr, "%6d packages, round %d: %-40s %6.2f s, %5.2f s of cores, %4d MiB\n",
				packages, round+1, w.name, got.wall.Seconds(), got.cpu.Seconds(), got.peak>>20)
			peak := max(rows[i].peak, got.peak)
			if round == 0 || got.wall < rows[i].wall {
				rows[i] = got
			}
			rows[i].packages, rows[i].way, rows[i].peak = packages, w.name, peak
		}
	}
	return rows, nil
}

// timed runs a way's command. Nothing is synced: neither way does, and both write the same.
func timed(ctx context.Context, w way) (row, error) {
	cmd := exec.CommandContext(ctx, w.args[0], w.args[1:]...)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(began)
	if err == nil {
		err = w.after()
	}
	if err != nil {
		return row{}, fmt.Errorf("%w\n%s", err, out)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return row{}, fmt.Errorf("no usage of %s is known", w.name)
	}
	return row{wall: took, cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), peak: usage.Maxrss << 10}, nil
}

func markdown(rows []row, rounds int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Best of %d rounds, one after another in the same run; all files are in the page cache. Memory is the largest resident set of all rounds.\n\n", rounds)
	b.WriteString("| packages there | made by | wall time | time of cores | peak memory |\n| --- | --- | --- | --- | --- |\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %d | %s | %.3f s | %.3f s | %d MiB |\n", r.packages, r.way, r.wall.Seconds(), r.cpu.Seconds(), (r.peak+1<<20-1)>>20)
	}
	return b.String()
}
