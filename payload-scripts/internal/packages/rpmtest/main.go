package rpmtest

import (
	"flag"
	"io"
	"log/slog"
	"os"
	"testing"
)

// Main lets more tests run at once than there are cores, because they wait
// for rpm to settle most of the time, and keeps the log of dozens of upgrades out of the output.
func Main(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	if os.Getenv("ONERPM_TEST_LOG") == "" {
		slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	}
	os.Exit(m.Run())
}
