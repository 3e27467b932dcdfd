package config

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"onerpm/internal/hostconf/placeholder"
	"onerpm/internal/hostconf/shown"
	"onerpm/internal/hostconf/syntax"
	"onerpm/internal/manifest"
	"onerpm/internal/redact"
	"onerpm/payload-scripts/internal/diff3"
)

// maxLines bounds a text file that is merged.
const maxLines = 20000

// mergeText merges by line.
func mergeText(in Input) (Result, error) {
	r, err := mergeLines(in)
	if err != nil || len(r.Conflicts) > 0 {
		return r, err
	}
	// diff3 is not idempotent for every input: where lines repeat, what is merged
	// may line up otherwise the second time. Then the places are not certain, and
	// the file is one conflict.
	again := in
	again.Mine = r.Out
	second, err := mergeLines(again)
	if err == nil && len(second.Conflicts) == 0 && bytes.Equal(second.Out, r.Out) {
		return r, nil
	}
	return mergeAsOne(in)
}

// textMerge is the three files by lines, without their line breaks; what comes
// out of it are lines with them, so that the host's stay as they are.
type textMerge struct {
	in                 Input
	base, theirs, mine []string
	raw                []string // mine with its line breaks
	shapes             []shape  // of base and theirs, those that fix most first
	keys               [3][]string
	safe               [3][]string // what redacted returns, once it was asked for
	found              captures
	random             map[string]string
	eol                string
	secrets            []string // values that must not be shown
	changes            []Change
	conflicts          []Conflict
	unknown            []string
}

// shape is a line with placeholders.
type shape struct {
	placeholder.Template
	key string
}

func newTextMerge(in Input) (*textMerge, error) {
	x := &textMerge{in: in, found: captures{}, random: map[string]string{}, eol: "\n"}
	like := in.Mine
	if like == nil {
		like = in.Theirs
	}
	if i := bytes.IndexByte(like, '\n'); i > 0 && like[i-1] == '\r' {
		x.eol = "\r\n"
	}
	x.raw = slices.Collect(strings.Lines(string(in.Mine)))
	for _, f := range []struct {
		name  string
		src   []byte
		lines *[]string
	}{{"base", in.Base, &x.base}, {"theirs", in.Theirs, &x.theirs}, {"mine", in.Mine, &x.mine}} {
		*f.lines = splitLines(string(f.src))
		if len(*f.lines) > maxLines {
			return nil, &ParseError{f.name, fmt.Errorf("it has %d lines, more than %d", len(*f.lines), maxLines)}
		}
	}
	if err := x.applySet(); err != nil {
		return nil, err
	}
	x.shapes = shapesOf(x.base, x.theirs)
	literals := map[string]bool{}
	for _, l := range slices.Concat(x.base, x.theirs) {
		literals[l] = !placeholder.In(l)
	}
	for i, lines := range [][]string{x.base, x.theirs, x.mine} {
		x.keys[i] = make([]string, len(lines))
		for k, l := range lines {
			x.keys[i][k] = x.keyOf(l, i < 2, literals)
		}
	}
	x.capture()
	return x, nil
}

// splitLines cuts at line breaks; a break at the end makes no empty line behind it.
func splitLines(s string) []string {
	if s == "" {
		return nil
	}
	lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, "\r")
	}
	return lines
}

// applySet puts the spec's literal values in: they are then part of what the
// release says. Random values and copies are looked up when a line needs them.
func (x *textMerge) applySet() error {
	named := map[string]bool{}
	for i, line := range x.theirs {
		if len(x.in.Set) == 0 || !placeholder.In(line) {
			continue
		}
		x.theirs[i], _ = placeholder.Parse(line).Fill(func(name string) (string, bool) {
			named[name] = true
			if n, err := literal(x.in.Set[name].Literal); err == nil {
				return n.Text, true
			}
			return "<<" + name + ">>", true
		})
	}
	for name := range x.in.Set {
		if !named[name] && x.in.Theirs != nil {
			return fmt.Errorf("set %s: the new release's file has no placeholder <<%s>>", name, name)
		}
	}
	return nil
}

func shapesOf(files ...[]string) []shape {
	var out []shape
	seen := map[string]bool{}
	for _, lines := range files {
		for _, l := range lines {
			if placeholder.In(l) && !seen[l] {
				seen[l] = true
				out = append(out, shape{placeholder.Parse(l), "~" + placeholder.Canonical(l)})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b shape) int { return b.Weight() - a.Weight() })
	return out
}

// keyOf returns what a line is compared by: lines of one shape are equal.
func (x *textMerge) keyOf(line string, release bool, literals map[string]bool) string {
	switch {
	case release && placeholder.In(line):
		return "~" + placeholder.Canonical(line)
	case release || literals[line]:
		return "=" + line
	}
	for _, s := range x.shapes {
		if _, ok := s.Match(line); ok {
			return s.key
		}
	}
	return "=" + line
}

// capture collects the host's values behind the placeholders of the old
// release, and of the new one where it has the same line.
func (x *textMerge) capture() {
	inTheirs, inMine := diff3.Align(x.keys[0], x.keys[1]), diff3.Align(x.keys[0], x.keys[2])
	for i, m := range inMine {
		if m < 0 {
			continue
		}
		x.note(x.found, x.base[i], x.mine[m])
		if t := inTheirs[i]; t >= 0 {
			x.note(x.found, x.theirs[t], x.mine[m])
		}
	}
	for t, m := range diff3.Align(x.keys[1], x.keys[2]) {
		if m >= 0 {
			x.note(x.found, x.theirs[t], x.mine[m])
		}
	}
}

func (x *textMerge) note(c captures, line, mine string) {
	if !placeholder.In(line) {
		return
	}
	values, _ := placeholder.Parse(line).Match(mine)
	for name, v := range values {
		if redact.Key(name) {
			x.secrets = append(x.secrets, v)
		}
		c.add(name, &syntax.Node{Kind: syntax.String, Text: v})
	}
}

// show returns lines that were redacted, without the secrets of this host, as reports may have them.
func (x *textMerge) show(redacted []string) string {
	lines := slices.Clone(redacted)
	for i := range lines {
		for _, s := range x.secrets {
			if len(s) > 3 {
				lines[i] = strings.ReplaceAll(lines[i], s, redact.Hidden)
			}
		}
	}
	return shown.Lines(lines)
}

// redacted returns base (0), theirs (1) or mine (2) as reports may have them.
func (x *textMerge) redacted(file int) []string {
	if x.safe[file] == nil {
		x.safe[file] = redact.Lines([][]string{x.base, x.theirs, x.mine}[file])
	}
	return x.safe[file]
}

// showMine returns the host's lines of a chunk as reports may have them.
func (x *textMerge) showMine(c diff3.Chunk) string { return x.show(x.redacted(2)[c.M0:c.M1]) }

func mergeLines(in Input) (Result, error) {
	x, err := newTextMerge(in)
	if err != nil {
		return Result{}, err
	}
	var out []string
	for _, c := range diff3.Merge(x.keys[0], x.keys[1], x.keys[2]) {
		lines, err := x.chunk(c)
		if err != nil {
			return Result{}, err
		}
		out = append(out, lines...)
	}
	return x.result(out)
}

func (x *textMerge) result(out []string) (Result, error) {
	r := Result{Changes: x.changes, Conflicts: x.conflicts}
	if len(x.unknown) > 0 {
		return Result{}, &UnknownValueError{x.unknown}
	}
	if len(r.Conflicts) > 0 {
		return r, nil
	}
	for i, line := range out[:max(len(out)-1, 0)] {
		if !strings.HasSuffix(line, "\n") {
			out[i] += x.eol
		}
	}
	r.Out = []byte(strings.Join(out, ""))
	if like := x.in.Mine; len(like) > 0 && !bytes.HasSuffix(like, []byte("\n")) || like == nil && !bytes.HasSuffix(x.in.Theirs, []byte("\n")) {
		if cut := bytes.TrimSuffix(r.Out, []byte(x.eol)); len(cut) > 0 && cut[len(cut)-1] != '\n' {
			r.Out = cut // as the host's file ends, unless that would swallow an empty line
		}
	}
	return r, nil
}

// chunk returns the merged lines of one chunk.
func (x *textMerge) chunk(c diff3.Chunk) ([]string, error) {
	kb, kt, km := x.keys[0][c.B0:c.B1], x.keys[1][c.T0:c.T1], x.keys[2][c.M0:c.M1]
	key := fmt.Sprintf("line %d", c.M0+1)
	switch {
	case c.Stable || slices.Equal(kt, km):
		return x.raw[c.M0:c.M1], nil
	case slices.Equal(kb, km):
		return x.withHostValues(c, key, ByRelease)
	case slices.Equal(kb, kt):
		x.changes = append(x.changes, Change{key, Kept, ByAdmin, x.showMine(c), x.showMine(c)})
		return x.raw[c.M0:c.M1], nil
	}
	switch side, by := x.in.whole(); side {
	case manifest.Old:
		x.changes = append(x.changes, Change{key, Kept, by, x.showMine(c), x.showMine(c)})
	case manifest.New:
		return x.withHostValues(c, key, by)
	default:
		x.conflicts = append(x.conflicts, Conflict{key, x.show(x.redacted(0)[c.B0:c.B1]), x.show(x.redacted(1)[c.T0:c.T1]), x.showMine(c)})
	}
	return x.raw[c.M0:c.M1], nil
}

// withHostValues returns the release's lines with the host's values put in: those of the
// same place first, then those that stand behind the name elsewhere.
func (x *textMerge) withHostValues(c diff3.Chunk, key, by string) ([]string, error) {
	local := captures{}
	if c.B1-c.B0 == c.M1-c.M0 {
		for i := range c.B1 - c.B0 {
			x.note(local, x.base[c.B0+i], x.mine[c.M0+i])
		}
	}
	out, told := make([]string, 0, c.T1-c.T0), []string{}
	for i, line := range x.theirs[c.T0:c.T1] {
		text, missing := placeholder.Parse(line).Fill(func(name string) (string, bool) { return x.value(name, local) })
		for _, name := range missing {
			x.unknown = append(x.unknown, fmt.Sprintf("%s <<%s>>", key, name))
		}
		safe := x.redacted(1)[c.T0+i]
		if strings.TrimSpace(safe) != redact.Hidden { // or else it is a secret by its place
			safe = redact.Lines([]string{text})[0]
		}
		out, told = append(out, text+x.eol), append(told, safe)
	}
	change := Change{Key: key, Kind: Changed, By: by, From: x.showMine(c), To: x.show(told)}
	switch {
	case c.M0 == c.M1:
		change.Kind, change.From = Added, ""
	case len(out) == 0:
		change.Kind, change.To = Removed, ""
	}
	x.changes = append(x.changes, change)
	return out, nil
}

// value returns what stands for a placeholder's name on this host.
func (x *textMerge) value(name string, local captures) (string, bool) {
	set := x.in.Set[name]
	if set.Copy != "" {
		name = set.Copy
	}
	for _, c := range []captures{local, x.found} {
		if v, ok := c.get(name); ok {
			return v.Text, true
		}
	}
	if set.Random == 0 {
		return "", false
	}
	if _, drawn := x.random[name]; !drawn {
		text, err := x.in.draw(name, set)
		if err != nil {
			return "", false
		}
		x.random[name] = text
		x.secrets = append(x.secrets, text)
	}
	return x.random[name], true
}

// mergeAsOne treats the whole file as one chunk.
func mergeAsOne(in Input) (Result, error) {
	x, err := newTextMerge(in)
	if err != nil {
		return Result{}, err
	}
	out, err := x.chunk(diff3.Chunk{B1: len(x.base), T1: len(x.theirs), M1: len(x.mine)})
	if err != nil {
		return Result{}, err
	}
	return x.result(out)
}

// untouched reports whether the host's file is what the old release rendered.
func (in Input) untouched() (bool, error) {
	if in.Format == "text" {
		x, err := newTextMerge(in)
		if err != nil {
			return false, err
		}
		return slices.Equal(x.keys[0], x.keys[2]), nil
	}
	base, err := parse(in.Format, "base", in.Base)
	if err != nil {
		return false, err
	}
	mine, err := parse(in.Format, "mine", in.Mine)
	if err != nil {
		return false, nil //nolint:nilerr // it is not what the release rendered
	}
	return matches(base.Root, mine.Root, captures{}), nil
}
