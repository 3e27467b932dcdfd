package host

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// suite is the Debian release of the test machine.
const suite = "bookworm"

// suites are the parts of it that a root is made from.
var suites = []string{suite, suite + "-updates", suite + "-security"}

// writeSources puts into dir the package sources of this very machine that carry
// our Debian release, and returns the files: so a root comes from wherever the machine
// itself is installed from, a mirror or a snapshot. No file at all means that the
// machine has no such source; mmdebstrap then takes its own default.
func writeSources(etcApt, dir string) ([]string, error) {
	var lines, stanzas []string
	lists, _ := filepath.Glob(filepath.Join(etcApt, "sources.list.d", "*.list"))
	for _, path := range append([]string{filepath.Join(etcApt, "sources.list")}, lists...) {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // sources.list need not be there
		}
		lines = append(lines, sourceLines(string(text))...)
	}
	deb822, _ := filepath.Glob(filepath.Join(etcApt, "sources.list.d", "*.sources"))
	for _, path := range deb822 {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read the machine's package sources: %w", err)
		}
		stanzas = append(stanzas, sourceStanzas(string(text))...)
	}
	var files []string
	for name, parts := range map[string][]string{"root.list": lines, "root.sources": stanzas} {
		if len(parts) == 0 {
			continue
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(strings.Join(parts, "\n")+"\n"), 0o644); err != nil {
			return nil, fmt.Errorf("write package sources: %w", err)
		}
		files = append(files, path)
	}
	slices.Sort(files)
	return files, nil
}

// sourceLines picks the lines of a sources.list that are ours.
func sourceLines(text string) []string {
	var ours []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		rest, ok := strings.CutPrefix(line, "deb ")
		if !ok {
			continue
		}
		rest = strings.TrimSpace(rest)
		if strings.HasPrefix(rest, "[") {
			_, rest, _ = strings.Cut(rest, "]")
		}
		if f := strings.Fields(rest); len(f) >= 3 && slices.Contains(suites, f[1]) && slices.Contains(f[2:], "main") {
			ours = append(ours, line)
		}
	}
	return ours
}

// sourceStanzas picks the stanzas of a deb822 file that are ours, without comments.
func sourceStanzas(text string) []string {
	var ours, stanza []string
	fields := map[string][]string{}
	end := func() {
		known := slices.ContainsFunc(fields["suites"], func(s string) bool { return slices.Contains(suites, s) })
		disabled := slices.Equal(fields["enabled"], []string{"no"})
		if known && !disabled && slices.Contains(fields["types"], "deb") && slices.Contains(fields["components"], "main") {
			ours = append(ours, strings.Join(stanza, "\n")+"\n")
		}
		stanza, fields = nil, map[string][]string{}
	}
	scan := bufio.NewScanner(strings.NewReader(text))
	for scan.Scan() {
		line := scan.Text()
		switch {
		case strings.TrimSpace(line) == "":
			end()
		case strings.HasPrefix(line, "#"):
		default:
			stanza = append(stanza, line)
			if key, value, ok := strings.Cut(line, ":"); ok && !strings.HasPrefix(line, " ") {
				fields[strings.ToLower(key)] = strings.Fields(value)
			}
		}
	}
	end()
	return ours
}
