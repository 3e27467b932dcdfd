// Package docs holds the documents true: its tests run what README.md, CONTRIBUTING.md, SECURITY.md, findings/README.md
// and the pages of docs/ tell people to run, and compare what they show with what is printed.
//
// How a block is tried stands behind its language, in the first line of its fence, which no reader sees:
//
//	sh here           run by TestHere, in a copy of the project
//	sh machine        run by TestDocs of test/e2e, on a test machine
//	sh TestX          run by the test of that name, which goes through the whole page
//	sh not run: WHY   run by nobody; commands, flags, make targets and names of tests are still compared with what there is
//	text output       what the block of commands before it prints; digits may differ
//	text TestX        compared by the test of that name, which reads the page; so are yaml, sql and the like
//	text drawing      nothing that a program prints
//
// A block of commands or text that says nothing of this fails TestEveryBlockIsTried.
package docs

import (
	"fmt"
	"regexp"
	"strings"
)

// Block is what stands between two fences.
type Block struct {
	File     string // from the project's folder
	Line     int    // of its first line, from 1
	Heading  string // the one that it stands below
	Language string // the first word behind the fence
	How      string // and the rest: how it is tried
	Text     string
}

func (b Block) String() string { return fmt.Sprintf("%s:%d", b.File, b.Line) }

// Span is `inline code`, without the quotes.
type Span struct {
	File string
	Line int
	Text string
}

// Document is a Markdown file, as far as the tests need it.
type Document struct {
	Blocks []Block
	Spans  []Span
	Prose  []Line // what is neither in a block nor a heading
}

// Line is a line of prose.
type Line struct {
	Number int
	Text   string
}

var span = regexp.MustCompile("`([^`]+)`")

// Read takes a document apart.
func Read(file, text string) (Document, error) {
	var d Document
	var b *Block
	heading, n := "", 0
	for line := range strings.Lines(text) {
		n++
		bare := strings.TrimRight(line, "\n")
		info, isFence := strings.CutPrefix(strings.TrimLeft(bare, " "), "```")
		switch {
		case isFence && b == nil:
			language, how, _ := strings.Cut(strings.TrimSpace(info), " ")
			b = &Block{File: file, Line: n + 1, Heading: heading, Language: language, How: how}
		case isFence:
			d.Blocks = append(d.Blocks, *b)
			b = nil
		case b != nil:
			b.Text += line
		case strings.HasPrefix(bare, "#"):
			heading = strings.TrimSpace(strings.TrimLeft(bare, "#"))
		default:
			d.Prose = append(d.Prose, Line{n, bare})
			for _, m := range span.FindAllStringSubmatch(bare, -1) {
				d.Spans = append(d.Spans, Span{file, n, m[1]})
			}
		}
	}
	if b != nil {
		return d, fmt.Errorf("%s: the block has no end", b)
	}
	return d, nil
}

// Commands returns a script's commands, each on one line; what is written into files is left out, and comments are.
func Commands(script string) []string {
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
			line, _, _ = strings.Cut(line, " # ")
			out = append(out, strings.Join(strings.Fields(line), " "))
			if _, after, is := strings.Cut(line, "<<'"); is {
				end, _, _ = strings.Cut(after, "'")
			}
		}
	}
	return out
}
