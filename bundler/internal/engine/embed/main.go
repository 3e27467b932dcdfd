// Command embed puts a built engine where the bundler's next build embeds it: embed ENGINE FILE
//
// A file that holds that engine already stays as it is, so that nothing is built anew for it.
package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/google/renameio/v2"

	"onerpm/bundler/internal/engine"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: embed ENGINE FILE")
		os.Exit(2)
	}
	if err := embed(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "embed the engine:", err)
		os.Exit(1)
	}
}

func embed(program, into string) error {
	want, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(into); err == nil {
		if got, err := engine.Unpack(old); err == nil && bytes.Equal(got, want) {
			return nil
		}
	}
	packed, err := engine.Pack(want)
	if err != nil {
		return err
	}
	return renameio.WriteFile(into, packed, 0o644) // one that was half written would be embedded
}
