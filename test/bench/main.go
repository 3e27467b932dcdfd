// Command bench measures what it costs to build and to publish a bundle, beside others doing the
// same in the same run, and writes the tables into docs/benchmarks.md:
//
//	go run ./test/bench [--rounds N] [--doc FILE] [--earlier COMMIT]
//
// The bundler of an earlier commit, which is built for that, does the same in the same rounds.
// The measure is the same run's "read, sha256, write" of the components' bytes:
// what any program must do that makes one verified file of them. rpmbuild with an uncompressed
// payload and rpmpack as it comes pack the same files. All of them sync what they wrote.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"

	"onerpm/test/bench/internal/page"
)

const mb = 1_000_000

// earlierCommit is one whose bundler reads a component twice before it packs it, and a bundle before it uploads it.
const earlierCommit = "b86409cb19962ef4e742819b10e547739f215727"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == peerArg {
		return peer(args[1:])
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	rounds := flags.Int("rounds", 3, "measure so many times, and tell the best")
	most := flags.Int64("most", 3000, "leave out what is larger, in `MB`")
	doc := flags.String("doc", "docs/benchmarks.md", "write the table into `FILE`")
	bundler := flags.String("bundler", "dist/bin/bundler", "the bundler's `FILE`; make bundler builds it")
	aws := flags.String("aws", "aws", "the `PROGRAM` to publish beside")
	engine := flags.String("engine", "dist/engine", "the engine's `FILE`; make engine builds it")
	commit := flags.String("earlier", earlierCommit, "measure the bundler of `COMMIT` beside this one")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(".cache", "bench-run-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a leftover does no harm
	before, name, err := earlier(ctx, *commit, dir)
	if err != nil {
		return err
	}
	var results []result
	for _, c := range []struct {
		total int64
		peers bool
	}{{600 * mb, true}, {3000 * mb, false}} {
		if c.total > *most*mb {
			continue
		}
		p, err := newProject(ctx, filepath.Join(".cache", "bench"), dir, c.total)
		if err != nil {
			return err
		}
		r, err := measureAll(ctx, p, contenders(*bundler, before, name, *engine, c.peers), *rounds)
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	table := markdown(results, *rounds, runtime.NumCPU())
	fmt.Print(table)
	if err := page.WriteSection(*doc, "build", table); err != nil {
		return err
	}
	if publishSize > *most*mb {
		return nil
	}
	return publishing{bundler: *bundler, earlier: before, commit: name, engine: *engine, aws: *aws, dir: dir, rounds: *rounds}.measure(ctx, *doc)
}
