// Package exit says how the bundler ends: which exit code an error means and
// what a person can do about it. It promises that a code, once documented, keeps
// its meaning, so that programs may rely on it.
//
//	0  done
//	1  unexpected failure
//	2  wrong usage, or no such release, jump or way
//	3  a mistake in versions/ or specs/
//	4  a component is not available: missing, no network, offline
//	5  a component is not what the release says: digest, size, name, signature, damaged
//	6  dependencies or packages do not fit together
//	7  the output cannot be written
//	8  the bundle would be too large
//	9  the bundle is damaged, incomplete or not signed with the key
//	10  the store or a machine cannot be reached, or refuses
//	11  customers are left behind: no way to the newest release
//	12  what is published is damaged or incomplete
//	13  the repository does not take the bundle
//	14  the bundle is not certified: a scenario failed, or a certificate is missing
package exit

import (
	"errors"
	"fmt"
	"strings"
)

// The exit codes of the bundler.
const (
	OK          = 0
	Failed      = 1
	Usage       = 2
	Spec        = 3
	Missing     = 4
	Mismatch    = 5
	Packages    = 6
	Output      = 7
	TooLarge    = 8
	BadBundle   = 9
	Store       = 10
	Machine     = Store // both are connections: look at them and run it again
	Gap         = 11
	Published   = 12
	Refused     = 13
	Uncertified = 14
	lastOfThem  = Uncertified
)

// meanings is the table of the package comment; a test holds the two together.
var meanings = [lastOfThem + 1]string{
	OK:          "done",
	Failed:      "unexpected failure",
	Usage:       "wrong usage, or no such release, jump or way",
	Spec:        "a mistake in versions/ or specs/",
	Missing:     "a component is not available: missing, no network, offline",
	Mismatch:    "a component is not what the release says: digest, size, name, signature, damaged",
	Packages:    "dependencies or packages do not fit together",
	Output:      "the output cannot be written",
	TooLarge:    "the bundle would be too large",
	BadBundle:   "the bundle is damaged, incomplete or not signed with the key",
	Store:       "the store or a machine cannot be reached, or refuses",
	Gap:         "customers are left behind: no way to the newest release",
	Published:   "what is published is damaged or incomplete",
	Refused:     "the repository does not take the bundle",
	Uncertified: "the bundle is not certified: a scenario failed, or a certificate is missing",
}

// Error is an error with the exit code it means and, where there is one, a hint:
// what to do next, as a command or one short sentence.
type Error struct {
	Code int
	Err  error
	Hint string // "" for none
}

// Error says what Err says; the hint is for the place where the error is shown.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives Err.
func (e *Error) Unwrap() error { return e.Err }

// With gives err the exit code and the hint ("" for none); nil stays nil. An
// error further in that has a code already keeps it: the place that knows best is
// the one nearest to the cause. Its hint stays too, unless it has none.
func With(code int, err error, hint string) error {
	if err == nil {
		return nil
	}
	var inner *Error
	if errors.As(err, &inner) {
		code = inner.Code
		if inner.Hint != "" {
			hint = inner.Hint
		}
	}
	return &Error{Code: code, Err: err, Hint: hint}
}

// Errorf is With for a new error, formatted as fmt.Errorf does.
func Errorf(code int, hint, format string, args ...any) error {
	return With(code, fmt.Errorf(format, args...), hint)
}

// Code returns the exit code that err means: 0 for nil, Failed for an error that
// has none.
func Code(err error) int {
	var e *Error
	switch {
	case err == nil:
		return OK
	case errors.As(err, &e):
		return e.Code
	default:
		return Failed
	}
}

// Hint returns what to do about err, "" when nothing is known.
func Hint(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}

// Table returns the codes and their meanings, one a line, for help texts.
func Table() string {
	var b strings.Builder
	for code, meaning := range meanings {
		fmt.Fprintf(&b, "%d  %s\n", code, meaning)
	}
	return b.String()
}
