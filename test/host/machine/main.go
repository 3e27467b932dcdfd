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
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

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
	m, err := host.Boot(ctx, o)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, m.Stop()) }()
	if *stay {
		return 0, m.Stay(ctx, os.Stdin, os.Stdout)
	}
	packages, err := bringPackages(m)
	if err != nil {
		return 1, err
	}
	describe(os.Stderr, m, o, time.Since(start), packages)
	return m.Session(ctx, flags.Args(), os.Stdin, os.Stdout, os.Stderr)
}

// bringPackages copies the packages in dist/ into the machine's /root.
func bringPackages(m *host.Machine) ([]string, error) {
	packages, err := filepath.Glob("dist/*.rpm")
	if err != nil {
		return nil, fmt.Errorf("list dist: %w", err)
	}
	for i, path := range packages {
		packages[i] = filepath.Base(path)
		if err := m.CopyIn(path, "/root/"+packages[i]); err != nil {
			return nil, err
		}
	}
	return packages, nil
}

func describe(out io.Writer, m *host.Machine, o host.Options, took time.Duration, packages []string) {
	on := cmp.Or(o.Platform, host.Usual)
	what := "without the product"
	if o.Release != "" {
		what = "with the product at " + o.Release
	}
	if o.Data {
		what += " and data"
	}
	fmt.Fprintf(out, "a machine of %s %s, up in %.1f s\n", on, what, took.Seconds())
	fmt.Fprintf(out, "  its files, from here   %s\n", m.Path("/"))
	fmt.Fprintf(out, "  another shell          %s\n", m.EnterCommand())
	if len(packages) > 0 {
		fmt.Fprintf(out, "  in its /root           %s\n", strings.Join(packages, " "))
		fmt.Fprintf(out, "  to install one         dnf install ./%s\n", packages[len(packages)-1])
	}
	fmt.Fprintln(out, "leaving the shell removes the machine")
}
