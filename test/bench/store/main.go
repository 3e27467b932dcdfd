// Command store measures the first jump, which takes the product's documents out of Elasticsearch into PostgreSQL: how fast
// and in how much memory they are copied while the old release serves, what its users notice of that, and how long the
// product does not serve afterwards; beside it, on the same machine, a program that copies everything while nothing serves.
// It writes the table into docs/benchmarks.md:
//
//	go run ./test/bench/store [--documents 100000,1000000] [--heap 1g] [--doc FILE]
//
// Each size is a fresh 3.4.2 machine with so many events and logs of 30 days together, and entities in proportion.
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
	"time"

	"onerpm/test/bench/internal/outside"
	"onerpm/test/bench/internal/page"
	"onerpm/test/host"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "store:", err)
		os.Exit(1)
	}
}

// result is what was measured at one size.
type result struct {
	entries  int // events and logs
	entities int
	naive    naive // the program that copies while nothing serves
	window   outside.Gap
	total    time.Duration // of the upgrade, from the command to its end
	asked    answers
	told     report
	peaks    peaks
}

// options are what the flags say.
type options struct {
	bundle string
	heap   string // of Elasticsearch
	naive  string // the program's file
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("store", flag.ContinueOnError)
	documents := flags.String("documents", "100000,1000000", "events and logs together")
	doc := flags.String("doc", "docs/benchmarks.md", "write the table into `FILE`")
	var o options
	flags.StringVar(&o.bundle, "bundle", "dist/cloudify-upgrade-4.0.1.rpm", "the bundle; make bundles builds it")
	flags.StringVar(&o.heap, "heap", "1g", "the heap of Elasticsearch, as ES_HEAP_SIZE")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-store-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a leftover does no harm
	o.naive = filepath.Join(dir, "naive")
	build := exec.CommandContext(ctx, "go", "build", "-o", o.naive, "./test/bench/store/naive")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the program to compare with: %w\n%s", err, out)
	}
	var results []result
	for text := range strings.SplitSeq(*documents, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("--documents %s: %q is no number of documents", *documents, text)
		}
		r, err := o.measure(ctx, n)
		if err != nil {
			return fmt.Errorf("%d documents: %w", n, err)
		}
		results = append(results, r)
	}
	table := markdown(results)
	fmt.Print(table)
	return page.WriteSection(*doc, "store", table)
}

// measure fills a machine, copies by the other program, takes that back, and upgrades.
func (o options) measure(ctx context.Context, entries int) (result, error) {
	r := result{entries: entries}
	m, err := host.Boot(ctx, host.Options{Release: "3.4.2", Data: true})
	if err != nil {
		return r, err
	}
	defer m.Stop() //nolint:errcheck // the figures are there
	if _, err := m.Output(ctx, fmt.Sprintf(enlarge, o.heap)); err != nil {
		return r, err
	}
	f := newFiller(m)
	began := time.Now()
	if r.entities, err = f.fill(ctx, entries); err != nil {
		return r, fmt.Errorf("fill the machine: %w", err)
	}
	progress(entries, "filled", time.Since(began))
	if r.naive, err = copyNaively(ctx, m, o.naive, entries); err != nil {
		return r, fmt.Errorf("copy by the program to compare with: %w", err)
	}
	progress(entries, "the naive copy", r.naive.took)
	err = upgrade(ctx, m, o.bundle, f.instance, &r)
	for _, s := range r.told.Steps {
		progress(entries, s.Name, s.took())
	}
	return r, err
}

func progress(entries int, what string, took time.Duration) {
	fmt.Fprintf(os.Stderr, "%d events and logs: %-45s %6.2f s\n", entries, what, took.Seconds())
}

// enlarge gives Elasticsearch another heap and waits until it serves again.
const enlarge = `sed -i 's/^ES_HEAP_SIZE=.*/ES_HEAP_SIZE=%s/' /etc/sysconfig/elasticsearch && systemctl restart elasticsearch
timeout 60 sh -c "until curl -sf '127.0.0.1:9200/_cluster/health?wait_for_status=yellow' >/dev/null; do sleep 0.2; done"`
