package machine

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// writeSources puts into dir the package sources of this very machine that carry
// Debian, for the suites of a platform, and returns the files: so a root comes from wherever the machine
// itself is installed from, a mirror or a snapshot. No file at all means that the
// machine has no such source; mmdebstrap then takes its own default.
func writeSources(etcApt, dir string, p platform) ([]string, error) {
	var lines, stanzas []string
	lists, _ := filepath.Glob(filepath.Join(etcApt, "sources.list.d", "*.list"))
	for _, path := range append([]string{filepath.Join(etcApt, "sources.list")}, lists...) {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // sources.list need not be there
		}
		lines = append(lines, p.sourceLines(string(text))...)
	}
	deb822, _ := filepath.Glob(filepath.Join(etcApt, "sources.list.d", "*.sources"))
	for _, path := range deb822 {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read the machine's package sources: %w", err)
		}
		stanzas = append(stanzas, p.sourceStanzas(string(text))...)
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

// moved turns the names of the machine's own suites into those of the platform; what it has not is left out.
func (p platform) moved(suites []string) (out []string) {
	own, err := platformOf(Usual)
	if err != nil {
		panic(err) // it is in the list
	}
	for _, s := range suites {
		if rest, is := strings.CutPrefix(s, own.suite); is && slices.Contains(p.parts, p.suite+rest) {
			out = append(out, p.suite+rest)
		}
	}
	return out
}

// sourceLines picks the lines of a sources.list that are Debian's.
func (p platform) sourceLines(text string) []string {
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
		if f := strings.Fields(rest); len(f) >= 3 && slices.Contains(f[2:], "main") {
			if to := p.moved(f[1:2]); len(to) > 0 {
				ours = append(ours, strings.Replace(line, " "+f[1]+" ", " "+to[0]+" ", 1))
			}
		}
	}
	return ours
}

// sourceStanzas picks the stanzas of a deb822 file that are Debian's, without comments.
func (p platform) sourceStanzas(text string) []string {
	var ours, stanza []string
	fields := map[string][]string{}
	end := func() {
		disabled := slices.Equal(fields["enabled"], []string{"no"})
		if len(p.moved(fields["suites"])) > 0 && !disabled && slices.Contains(fields["types"], "deb") && slices.Contains(fields["components"], "main") {
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
			if key, value, ok := strings.Cut(line, ":"); ok && !strings.HasPrefix(line, " ") {
				key = strings.ToLower(key)
				fields[key] = strings.Fields(value)
				if key == "suites" {
					line = "Suites: " + strings.Join(p.moved(fields[key]), " ")
				}
			}
			stanza = append(stanza, line)
		}
	}
	end()
	return ours
}
