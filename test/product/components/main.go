// Command components builds the demo product's RPMs:
//
//	go run ./test/product/components --out dist/components [--lock] [RELEASE...]
//
// Same sources and Go toolchain, same bytes: digests of the packages stand in
// versions/*.yaml. A release whose sources have not changed is left alone.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"onerpm/test/product/internal/product"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "components:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("components", flag.ContinueOnError)
	dir := flags.String("out", "dist/components", "`folder` for <release>/*.rpm")
	lock := flags.Bool("lock", false, "write digests and sizes into versions/<release>.yaml")
	if err := flags.Parse(args); err != nil {
		return err
	}
	releases, err := choose(flags.Args())
	if err != nil {
		return err
	}
	root, err := projectRoot()
	if err != nil {
		return err
	}
	inputs, err := hashInputs(ctx, root)
	if err != nil {
		return err
	}
	for _, r := range releases {
		files, fresh, err := ensure(ctx, root, *dir, r, inputs)
		if err != nil {
			return fmt.Errorf("release %s: %w", r.Version, err)
		}
		did := "up to date"
		if fresh {
			did = "built"
		}
		fmt.Fprintf(out, "%s: %d packages %s in %s\n", r.Version, len(files), did, filepath.Join(*dir, r.Version))
		if *lock {
			path := filepath.Join(root, "versions", r.Version+".yaml")
			if err := lockRelease(path, files); err != nil {
				return err
			}
		}
	}
	return nil
}

func choose(versions []string) ([]product.Release, error) {
	if len(versions) == 0 {
		return product.Releases(), nil
	}
	var out []product.Release
	for _, v := range versions {
		r, ok := product.Find(v)
		if !ok {
			return nil, fmt.Errorf("the demo product has no release %s", v)
		}
		out = append(out, r)
	}
	return out, nil
}

// projectRoot finds the folder of go.mod at or above the current one.
func projectRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, statErr := os.Stat(filepath.Join(dir, "go.mod")); statErr == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod here or above: run it inside the project")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}
