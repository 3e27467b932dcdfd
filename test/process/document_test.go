// Package process holds docs/process.md true: its test makes the RPMs of a release that does not exist,
// and then does nothing but run the document's own commands, until customers have the upgrade.
package process

import (
	"fmt"
	"regexp"
	"strings"
)

// block is one fenced block of commands.
type block struct {
	heading string // the one that it stands below
	line    int    // of its first command, from 1
	script  string
}

// document is what a Markdown file tells people to run.
type document struct {
	blocks []block
	spans  []string // `inline code`, without the quotes
}

var span = regexp.MustCompile("`([^`]+)`")

// read takes a document apart. Fences other than sh and mermaid are an error: nobody would run them.
func read(text string) (document, error) {
	var d document
	heading, fence, start := "", "", 0
	var script strings.Builder
	n := 0
	for line := range strings.Lines(text) {
		n++
		bare := strings.TrimRight(line, "\n")
		opening, isFence := strings.CutPrefix(bare, "```")
		switch {
		case isFence && fence == "":
			if opening != "sh" && opening != "mermaid" {
				return d, fmt.Errorf("line %d: a block %q", n, bare)
			}
			fence, start = opening, n+1
			script.Reset()
		case isFence:
			if fence == "sh" {
				d.blocks = append(d.blocks, block{heading, start, script.String()})
			}
			fence = ""
		case fence != "":
			script.WriteString(line)
		case strings.HasPrefix(bare, "#"):
			heading = strings.TrimSpace(strings.TrimLeft(bare, "#"))
		default:
			for _, m := range span.FindAllStringSubmatch(bare, -1) {
				d.spans = append(d.spans, m[1])
			}
		}
	}
	if fence != "" {
		return d, fmt.Errorf("line %d: the block has no end", start)
	}
	return d, nil
}

// commands returns a script's commands, each on one line; what is written into files is left out.
func commands(script string) []string {
	var out []string
	end := ""
	for line := range strings.Lines(strings.ReplaceAll(script, "\\\n", "")) {
		line = strings.TrimSpace(line)
		switch {
		case end != "":
			if line == end {
				end = ""
			}
		case line != "" && !strings.HasPrefix(line, "#"):
			out = append(out, strings.Join(strings.Fields(line), " "))
			if _, after, is := strings.Cut(line, "<<'"); is {
				end, _, _ = strings.Cut(after, "'")
			}
		}
	}
	return out
}
