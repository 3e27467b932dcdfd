package repo_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/repo"
	"onerpm/bundler/internal/store"
)

// scratch is a folder that lives as long as the tests.
var scratch string

// publisherStore is set for a process that is to be a publisher: the address of its store.
const publisherStore = "REPO_TEST_PUBLISHER"

func TestMain(m *testing.M) {
	if address := os.Getenv(publisherStore); address != "" {
		err := publisher(context.Background(), address, os.Args[1])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		if peak, err := os.ReadFile("/proc/self/status"); err == nil {
			_, _ = os.Stdout.Write(peak) // for who asks how much memory it took
		}
		os.Exit(exit.Code(err))
	}
	var err error
	if scratch, err = os.MkdirTemp("", "repo-test"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(scratch) // a leftover does no harm
	os.Exit(code)
}

// publisher publishes one bundle in testing, as a process of its own.
func publisher(ctx context.Context, address, file string) error {
	k, err := demoKey()
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, address, store.Options{})
	if err != nil {
		return err
	}
	r, err := repo.Open(s, repo.Options{Key: k, Page: render})
	if err != nil {
		return err
	}
	l, err := loadFile(file)
	if err != nil {
		return err
	}
	_, err = r.Publish(ctx, l, repo.Testing)
	return err
}
