// Package console tells what a command has to say: people in lines of text, programs as one JSON value, an error too.
package console

import (
	"fmt"
	"io"

	"onerpm/internal/redact"
	"onerpm/payload-scripts/internal/answer"
)

// Console is where one command tells what it has to say.
type Console struct {
	Out, Err io.Writer
	JSON     bool   // --json: what is told goes to Out as one JSON value, an error too
	Typed    string // the command, as it was typed: "agents start"
}

// Broken is the exit code of a command whose answer cannot be written.
const Broken = 1

// Encode writes the answer for programs, and returns the exit code.
func (c *Console) Encode(v any, code int) int {
	if err := answer.Write(c.Out, v); err != nil {
		fmt.Fprintf(c.Err, "error: %v\n", err)
		return Broken
	}
	return code
}

// Fail tells an error, and returns the exit code. What can always be done is told to programs where the error says nothing
// else.
func (c *Console) Fail(err error, always string, code int) int {
	if c.JSON {
		return c.Encode(answer.FailureOf(c.Typed, err, always, code), code)
	}
	fmt.Fprintf(c.Err, "error: %s\n", redact.Prose(err.Error()))
	return code
}

// People is where people look on; nil when a program does.
func (c *Console) People() io.Writer {
	if c.JSON {
		return nil
	}
	return c.Out
}

// Asks reports whether an argument is the flag --json.
func Asks(arg string) bool { return arg == "--json" || arg == "-json" }
