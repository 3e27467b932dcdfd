// Package advice keeps what to do about an error apart from why it came about, so that people are shown both in one
// line and programs as two values.
package advice

import (
	"errors"
	"fmt"
	"strings"
)

// advised is an error with what to do about it.
type advised struct {
	err error
	do  string
}

func (a *advised) Error() string { return a.err.Error() + separator + a.do }

func (a *advised) Unwrap() error { return a.err }

// separator stands between the two for people.
const separator = "; "

// With puts what to do behind an error: one phrase in the imperative that names the command or the file.
func With(err error, do string, args ...any) error {
	return &advised{err, fmt.Sprintf(do, args...)}
}

// Of takes an error apart: why it came about, and what to do, "" when it does not say. Wrapped errors keep their
// advice; of several the outermost counts.
func Of(err error) (why, do string) {
	var a *advised
	if !errors.As(err, &a) {
		return err.Error(), ""
	}
	text, said := err.Error(), separator+a.do
	at := strings.LastIndex(text, said)
	if at < 0 { // whoever wrapped it left the text out
		return text, a.do
	}
	return text[:at] + text[at+len(said):], a.do
}
