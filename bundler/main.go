// Command bundler makes one RPM of what upgrades a machine from one release of a
// product to the next.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"onerpm/bundler/internal/cli"
)

// toEnd is how long a command has to end by itself once it is interrupted, and to leave nothing
// behind. From then on, another Ctrl-C ends it at once, whatever it waits for.
const toEnd = 5 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() { time.AfterFunc(toEnd, stop) })
	code := cli.Run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr, os.Environ())
	stop()
	os.Exit(code)
}
