package docs

import (
	"regexp"
	"strings"
)

// Sentence is one of a page's text, or a row of a table.
type Sentence struct {
	File string
	Line int // of its paragraph
	Text string
}

var (
	item  = regexp.MustCompile(`^\s*([-*]|\d+\.) `)
	rule  = regexp.MustCompile(`^\|[ |:-]+\|$`)
	ended = regexp.MustCompile(`[.?!]["')\]*]* +["'(\[*]*[A-Z` + "`" + `0-9]`)
)

// Sentences takes a page's text apart: what stands in blocks and headings is not among them.
func (d Document) Sentences(file string) []Sentence {
	var out []Sentence
	paragraph, from, last := "", 0, 0
	end := func() {
		for text := paragraph; text != ""; {
			cut := len(text)
			if at := ended.FindStringIndex(text); at != nil {
				cut = at[0] + strings.IndexByte(text[at[0]:], ' ')
			}
			out = append(out, Sentence{file, from, strings.TrimSpace(text[:cut])})
			text = strings.TrimSpace(text[cut:])
		}
		paragraph = ""
	}
	for _, l := range d.Prose {
		switch {
		case strings.HasPrefix(l.Text, "|"):
			end()
			if rule.MatchString(l.Text) { // what stands above it are the names of the columns
				out = out[:max(len(out)-1, 0)]
			} else {
				out = append(out, Sentence{file, l.Number, l.Text})
			}
			continue
		case strings.TrimSpace(l.Text) == "", item.MatchString(l.Text), l.Number != last+1:
			end()
		}
		if paragraph == "" {
			from = l.Number
		}
		paragraph = strings.TrimSpace(paragraph + " " + strings.TrimSpace(item.ReplaceAllString(l.Text, "")))
		last = l.Number
	}
	end()
	return out
}
