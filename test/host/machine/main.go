// Command machine boots a test machine and gives a person a shell on it, or runs a
// command there; when that ends, the machine is gone:
//
//	go run ./test/host/machine [--platform debian13] [--release 4.1.1 [--data]] [--disk MiB] [-- COMMAND...]
//
// With --stay it runs nothing: it prints, as one line, what to write before a command so that it
// runs in the machine (as "ssh root@host" would be), and keeps the machine until standard input ends.
//
// Packages that lie in dist/ are found in the machine's /root. The exit code is the command's.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"onerpm/internal/machine"
	"onerpm/test/host"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code, err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "machine:", err)
		code = 1
	}
	os.Exit(code)
}

func run(ctx context.Context, args []string) (code int, err error) {
	var o host.Options
	flags := flag.NewFlagSet("machine", flag.ContinueOnError)
	flags.StringVar(&o.Platform, "platform", "", "the `distribution`: "+strings.Join(host.Platforms(), ", ")+"; "+host.Usual+" if empty")
	flags.StringVar(&o.Release, "release", "", "the product's `release` on the machine; none if empty")
	flags.BoolVar(&o.Data, "data", false, "put the product's small set of data in")
	flags.IntVar(&o.DiskMiB, "disk", 0, "give the machine an ext4 of its own of so many `MiB`")
	stay := flags.Bool("stay", false, "print the command prefix that reaches the machine, and keep it until standard input ends")
	if err := flags.Parse(args); err != nil {
		return 2, err
	}
	fmt.Fprintln(os.Stderr, "booting; the first time of all takes some minutes")
	start := time.Now()
	if *stay {
		ctx = machine.UntilEnd(ctx, os.Stdin)
	}
	m, err := host.Boot(ctx, o)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, m.Stop()) }()
	if *stay {
		return 0, m.Stay(ctx, os.Stdout)
	}
	packages, err := m.Bring("dist")
	if err != nil {
		return 1, err
	}
	m.Describe(os.Stderr, what(o), time.Since(start), packages)
	return m.Session(ctx, flags.Args(), os.Stdin, os.Stdout, os.Stderr)
}

// what a machine is, for people.
func what(o host.Options) string {
	what := cmp.Or(o.Platform, host.Usual) + " without the product"
	if o.Release != "" {
		what = cmp.Or(o.Platform, host.Usual) + " with the product at " + o.Release
	}
	if o.Data {
		what += " and data"
	}
	return what
}
