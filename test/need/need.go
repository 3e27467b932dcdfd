// Package need says what a test needs that not every machine has, or that not everybody has time for.
//
// Nothing is left out but by go test -short, which make check uses.
package need

import (
	"os"
	"os/exec"
	"testing"
)

// Root leaves a test out without root, or fails it when nothing may be left out.
func Root(t testing.TB) {
	t.Helper()
	switch {
	case os.Getuid() == 0:
	case testing.Short():
		t.Skip("it needs root: make unit runs it")
	default:
		t.Fatal("this test needs root")
	}
}

// Program leaves a test out without a program, or fails it when nothing may be left out.
func Program(t testing.TB, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err == nil {
		return
	}
	if testing.Short() {
		t.Skipf("it needs %s: make unit runs it", name)
	}
	t.Fatalf("this test needs %s", name)
}

// Time leaves out a test that takes long.
func Time(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes long: make unit runs it")
	}
}
