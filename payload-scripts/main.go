// Engine upgrades the host it runs on with the bundle it stands in.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"onerpm/payload-scripts/internal/command"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := command.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
