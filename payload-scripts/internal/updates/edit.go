package updates

import (
	"slices"
	"strings"
)

// value is one option of the section [main] that names packages to leave out: lines from begin to end of a file.
type value struct{ begin, end int }

// values finds those options. A line that begins with a blank goes on with the one before (configparser's rules, which
// yum, dnf and dnf5 follow). main is the line after the section's last one that is not empty, -1 when there is none.
func values(lines []string) (found []value, main int) {
	main = -1
	inside, open := false, false
	for i, line := range lines {
		text := strings.TrimSpace(line)
		switch {
		case text == "" || text[0] == '#' || text[0] == ';':
			continue
		case strings.HasPrefix(line, "["):
			inside, open = strings.HasPrefix(text, "[main]"), false
		case line[0] == ' ' || line[0] == '\t':
			if open {
				found[len(found)-1].end = i + 1
			}
		default:
			name, _, ok := strings.Cut(line, "=")
			name = strings.TrimSpace(name)
			open = inside && ok && (name == "exclude" || name == "excludepkgs")
			if open {
				found = append(found, value{i, i + 1})
			}
		}
		if inside {
			main = i + 1
		}
	}
	return found, main
}

// blank tells what stands between two patterns of a value.
func blank(c rune) bool { return c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// split cuts a line of a value into what goes before its patterns and the rest.
func split(line string, first bool) (before, rest string) {
	if !first {
		return "", line
	}
	at := strings.IndexByte(line, '=') + 1
	return line[:at], line[at:]
}

// has tells whether one of the options names a pattern.
func has(text, pattern string) bool {
	lines := strings.SplitAfter(text, "\n")
	found, _ := values(lines)
	for _, v := range found {
		for i := v.begin; i < v.end; i++ {
			if _, rest := split(lines[i], i == v.begin); slices.Contains(strings.FieldsFunc(rest, blank), pattern) {
				return true
			}
		}
	}
	return false
}

// add appends patterns to the option that counts, the last one, or to a line of its own, at the end of the section; made
// tells that it is such a line.
func add(text, key string, patterns []string) (out string, made bool) {
	lines := strings.SplitAfter(text, "\n")
	found, main := values(lines)
	list := strings.Join(patterns, ",")
	if len(found) > 0 {
		v := found[len(found)-1]
		last := v.end - 1
		line := strings.TrimRight(lines[last], "\r\n")
		end := lines[last][len(line):]
		if _, rest := split(line, last == v.begin); strings.TrimSpace(rest) != "" {
			list = "," + list
		}
		lines[last] = line + list + end
		return strings.Join(lines, ""), false
	}
	if last := lines[len(lines)-1]; last != "" {
		lines[len(lines)-1] = last + "\n"
	}
	if main < 0 {
		lines, main = append(lines, "[main]\n"), len(lines)+1
	}
	return strings.Join(slices.Insert(lines, main, key+"="+list+"\n"), ""), true
}

// remove takes patterns out again; a line that was made for them goes when nothing else stands in it.
func remove(text string, patterns []string, made bool) string {
	if len(patterns) == 0 {
		return text
	}
	lines := strings.SplitAfter(text, "\n")
	found, _ := values(lines)
	for _, v := range slices.Backward(found) {
		changed := false
		for i := v.begin; i < v.end; i++ {
			before, rest := split(lines[i], i == v.begin)
			kept := without(rest, patterns)
			changed = changed || kept != rest
			lines[i] = before + kept
		}
		_, rest := split(lines[v.begin], true)
		if made && changed && v.end == v.begin+1 && strings.TrimFunc(rest, blank) == "" {
			lines = slices.Delete(lines, v.begin, v.end)
		}
	}
	return strings.Join(lines, "")
}

// without returns a part of a value without these patterns, each with the comma before it.
func without(rest string, patterns []string) string {
	var out strings.Builder
	for rest != "" {
		begin := strings.IndexFunc(rest, func(c rune) bool { return !blank(c) })
		if begin < 0 {
			break
		}
		end := len(rest)
		if n := strings.IndexFunc(rest[begin:], blank); n >= 0 {
			end = begin + n
		}
		if slices.Contains(patterns, rest[begin:end]) {
			out.WriteString(strings.TrimSuffix(rest[:begin], ","))
		} else {
			out.WriteString(rest[:end])
		}
		rest = rest[end:]
	}
	return out.String() + rest
}
