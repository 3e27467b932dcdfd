// Package trial is what the runs share that try many things on whole machines and may be ended at any
// time: each trial's first complaint, and a file of results that grows, with a page made of it.
package trial

import (
	"fmt"
	"strings"
	"testing"
)

// Listener is a test that remembers its first complaint, for the results.
type Listener struct {
	testing.TB
	First string
}

func (l *Listener) hear(text string) {
	if l.First == "" {
		l.First, _, _ = strings.Cut(text, "\n")
	}
}

// Errorf fails the test and keeps what it says.
func (l *Listener) Errorf(format string, args ...any) {
	l.Helper()
	l.hear(fmt.Sprintf(format, args...))
	l.TB.Errorf(format, args...)
}

// Error fails the test and keeps what it says.
func (l *Listener) Error(args ...any) {
	l.Helper()
	l.hear(fmt.Sprint(args...))
	l.TB.Error(args...)
}

// Fatalf ends the test and keeps what it says.
func (l *Listener) Fatalf(format string, args ...any) {
	l.Helper()
	l.hear(fmt.Sprintf(format, args...))
	l.TB.Fatalf(format, args...)
}

// Fatal ends the test and keeps what it says.
func (l *Listener) Fatal(args ...any) {
	l.Helper()
	l.hear(fmt.Sprint(args...))
	l.TB.Fatal(args...)
}
