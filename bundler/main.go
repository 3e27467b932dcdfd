// Command bundler makes one RPM of what upgrades a machine from one release of a
// product to the next.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"onerpm/bundler/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the next Ctrl-C ends the program at once, whatever it waits for
	code := cli.Run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr, os.Environ())
	stop()
	os.Exit(code)
}
