package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"onerpm/bundler/internal/exit"
)

func jsonFlag(into *bool) cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "write JSON, for programs", DisableDefaultText: true, Destination: into}
}

// printJSON writes a value for programs.
func (s *streams) printJSON(v any) error {
	enc := json.NewEncoder(s.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return written(enc.Encode(v))
}

// print writes text as it is.
func (s *streams) print(text string) error {
	_, err := io.WriteString(s.out, text)
	return written(err)
}

func written(err error) error {
	if err != nil {
		err = fmt.Errorf("write the result: %w", err)
	}
	return exit.With(exit.Output, err, "")
}

// table lines up rows of cells, two spaces between columns, with an indent before each row.
func table(indent string, rows [][]string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintln(w, indent+strings.Join(row, "\t")) // a Builder does not fail
	}
	_ = w.Flush()
	var out strings.Builder
	for line := range strings.Lines(b.String()) {
		out.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return out.String()
}

// palette paints text, or leaves it.
type palette bool

// colours are used on a terminal alone, and never against the user's wish.
func colours(s *streams, w io.Writer) palette {
	return palette(isTerminal(w) && s.getenv("NO_COLOR") == "" && s.getenv("TERM") != "dumb")
}

func (p palette) paint(code, text string) string {
	if !p {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p palette) red(text string) string   { return p.paint("1;31", text) }
func (p palette) green(text string) string { return p.paint("32", text) }
func (p palette) bold(text string) string  { return p.paint("1", text) }

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
