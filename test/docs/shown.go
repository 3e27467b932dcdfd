package docs

import (
	"regexp"
	"strings"
)

// Shown is the text that a page shows as the output of a block of commands, "" when it shows none.
func Shown(page Document, of Block) string {
	for i, b := range page.Blocks {
		if b.Line == of.Line && i+1 < len(page.Blocks) && page.Blocks[i+1].How == "output" {
			return page.Blocks[i+1].Text
		}
	}
	return ""
}

// What differs from one run to the next: numbers with their units, digests, bars, and at which package rpm is.
var (
	masked  = regexp.MustCompile(`[0-9a-f]{32,}|(\d+(\.\d+)*(ms|µs|s|m|h)?)+\b|#+-*|-{2,}`)
	atrpm   = regexp.MustCompile(`\brpm: \S+`)
	escapes = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)
	blank   = regexp.MustCompile(`\s+`)
)

func mask(line string) string {
	line = atrpm.ReplaceAllString(escapes.ReplaceAllString(line, ""), "rpm: package")
	return strings.TrimSpace(blank.ReplaceAllString(masked.ReplaceAllString(line, "0"), " "))
}

// Missing are the lines of a text that is shown which were not printed. Numbers, times, digests and bars may differ,
// and so may the space between words.
func Missing(shown, printed string) (lines []string) {
	have := map[string]bool{}
	for line := range strings.FieldsFuncSeq(printed, func(c rune) bool { return c == '\n' || c == '\r' }) {
		have[mask(line)] = true
	}
	for line := range strings.Lines(shown) {
		if m := mask(line); m != "" && !have[m] {
			lines = append(lines, strings.TrimRight(line, "\n"))
		}
	}
	return lines
}
