package scaffold

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/release"
)

// before is the jump that leads to the release from which the new one starts.
type before struct {
	spec *release.Spec
	text string
	to   string // the new jump's end
}

// previous finds the jump before; its spec is nil when there is none.
func previous(in Input) (before, error) {
	for from, to := range in.Catalog.Jumps {
		if to != in.From.Version {
			continue
		}
		spec := in.Catalog.Specs[from+"-"+to]
		file := filepath.Join(spec.Dir, "upgrade.yaml")
		text, err := os.ReadFile(file)
		if err != nil {
			return before{}, exit.With(exit.Spec, fmt.Errorf("read the jump before: %w", err), "")
		}
		return before{spec: spec, text: strings.ReplaceAll(string(text), "\r\n", "\n"), to: in.To.Version}, nil
	}
	return before{}, nil
}

// What new writes about one jump alone, and the next one must not carry on.
const (
	steadyNote  = "# Units of packages that stay as they are; not listed, so they go on running: "
	unownedNote = "# Rendered by the bootstrap and not listed, so they go on running: "
	silentNote  = "# New packages that own no unit; which service, if any, starts what they bring? "
	foldersNote = "# Scriptlets make these, no package owns them, and state does not list them: "
	wholeNote   = "# Carried over as it was: mind the units that just one release has (only)"
)

// ofOneJump tells of a comment that new wrote about the jump before.
func ofOneJump(line string) bool {
	return slices.ContainsFunc([]string{steadyNote, unownedNote, silentNote, foldersNote, wholeNote}, func(note string) bool { return strings.HasPrefix(line, note) })
}

// remark is what new writes behind a unit: whose it was, and was it new.
var remark = regexp.MustCompile(`(unit: \S+) # (?:new, of \S+; is this its place in the order\?|of \S+(?:, which has it no more)?)(\s*)$`)

var topKey = regexp.MustCompile(`^[A-Za-z_"']`)

// section returns a top-level key with all below it and the comments right above it,
// with the releases moved on by one; "" when the jump before has none.
func (p before) section(key string) string {
	if p.spec == nil {
		return ""
	}
	lines := strings.SplitAfter(p.text, "\n")
	start := -1
	for i, line := range lines {
		if strings.HasPrefix(line, key+":") {
			start = i
			break
		}
	}
	if start < 0 {
		return ""
	}
	end := start + 1
	for end < len(lines) && !topKey.MatchString(lines[end]) {
		end++
	}
	for end > start+1 && (strings.TrimSpace(lines[end-1]) == "" || strings.HasPrefix(lines[end-1], "#")) {
		end--
	}
	for start > 0 && strings.HasPrefix(lines[start-1], "#") {
		start--
	}
	text := ""
	for _, line := range lines[start:end] {
		if !ofOneJump(line) {
			text += p.moved(remark.ReplaceAllString(line, "$1$2"))
		}
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text
}

var word = regexp.MustCompile(`[0-9A-Za-z][0-9A-Za-z._+~^-]*`)

// moved writes the new releases where a line names the old ones. Comments stay.
func (p before) moved(line string) string {
	code, comment := line, ""
	if i := strings.Index(line, " #"); i >= 0 {
		code, comment = line[:i], line[i:]
	}
	if strings.HasPrefix(strings.TrimSpace(line), "#") {
		return line
	}
	return word.ReplaceAllStringFunc(code, func(w string) string {
		switch w {
		case p.spec.To:
			return p.to
		case p.spec.From:
			return p.spec.To
		}
		return w
	}) + comment
}

var (
	item = regexp.MustCompile(`^(\s*)- `)
	unit = regexp.MustCompile(`^\s*(?:- )?unit:\s*["']?([^"'\s#]+)`)
	only = regexp.MustCompile(`^\s+only:\s*["']?(old|new)["']?\s*(#.*)?\s*$`)
	door = regexp.MustCompile(`(?m)^\s*(?:- )?door:\s*true`)
)

// service is one item of services as text.
type service struct {
	unit string
	only string
	door bool
	text string // without its only
}

// services cuts the section into its items; false when it is not written as a list
// with an item a line.
func (p before) services() (head string, items []service, ok bool) {
	text := p.section("services")
	if text == "" {
		return "", nil, true
	}
	indent, held := "", "" // held: comments that may belong to the next item
	put := func(text string) {
		if len(items) == 0 {
			head += text
			return
		}
		items[len(items)-1].text += text
	}
	for line := range strings.Lines(text) {
		m := item.FindStringSubmatch(line)
		bare := strings.TrimSpace(line)
		switch {
		case m != nil && (len(items) == 0 || m[1] == indent):
			indent = m[1]
			items = append(items, service{text: held})
		case bare == "" || strings.HasPrefix(bare, "#"):
			held += line
			continue
		default:
			put(held)
		}
		held = ""
		if len(items) == 0 || !items[len(items)-1].learn(line) {
			put(line)
		}
	}
	put(held)
	for i := range items {
		items[i].door = door.MatchString(items[i].text)
	}
	return head, items, len(items) == len(p.spec.Services)
}

// learn takes from a line what it says of the item, and reports whether the line is only.
func (s *service) learn(line string) bool {
	if found := unit.FindStringSubmatch(line); found != nil && s.unit == "" {
		s.unit = found[1]
	}
	found := only.FindStringSubmatch(line)
	if found != nil {
		s.only = found[1]
	}
	return found != nil
}
