package hostconf_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"onerpm/internal/hostconf/syntax"
)

// fits is what of a random file's content a format can hold.
func fits(format string, v map[string]any, depth int) map[string]any {
	out := map[string]any{}
	for key, value := range v {
		below, is := value.(map[string]any)
		switch {
		case value == nil || is && (format == "properties" || format == "ini" && depth > 0):
		case is:
			out[key] = fits(format, below, depth+1)
		case format == "toml":
			out[key] = value
		case format == "properties":
			out[key] = fmt.Sprint(value)
		default:
			text := strings.TrimSpace(fmt.Sprint(value))
			if text != "" && strings.IndexByte(`"#`, text[0]) >= 0 || strings.Contains(text, "\n") {
				text = "plain"
			}
			out[key] = text
		}
	}
	return out
}

// writtenINI is a file with comments, in one of the ways to write it.
func writtenINI(r *rand.Rand, v map[string]any) string {
	var b strings.Builder
	sep := []string{"=", " = ", ": "}[r.IntN(3)]
	for _, key := range slices.Sorted(maps.Keys(v)) {
		if text, is := v[key].(string); is {
			fmt.Fprintf(&b, "# about %s\n%s%s%s\n", key, key, sep, text)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(v)) {
		if below, is := v[key].(map[string]any); is {
			fmt.Fprintf(&b, "%s[%s]\n", []string{"", "\n", "; the section\n", "\n\n# the section\n"}[r.IntN(4)], key)
			b.WriteString(writtenINI(r, below))
		}
	}
	return b.String()
}

func writtenProperties(r *rand.Rand, v map[string]any) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(v)) {
		text := strings.NewReplacer(`\`, `\\`, "\n", `\n\`+"\n  ", " ", `\ `).Replace(v[key].(string))
		if text != "" && strings.ContainsAny(text[:1], "=:") {
			text = `\` + text
		}
		fmt.Fprintf(&b, "%s%s%s%s\n", []string{"", "# c\n", "\n", "! c \\\n"}[r.IntN(4)], key, []string{"=", " : ", " "}[r.IntN(3)], text)
	}
	return b.String()
}

// writtenTOML is a table's body, its tables by headers, in braces or by keys with dots.
func writtenTOML(r *rand.Rand, path string, v map[string]any) string {
	var own, below strings.Builder
	for _, key := range slices.Sorted(maps.Keys(v)) {
		table, is := v[key].(map[string]any)
		switch how := r.IntN(4); {
		case !is:
			fmt.Fprintf(&own, "%s%s = %s\n", []string{"", "# c\n", "  ", "\n"}[r.IntN(4)], key, inTOML(r, v[key]))
		case how == 0 || len(table) == 0 && how < 3:
			fmt.Fprintf(&own, "%s = %s # in braces\n", key, inTOML(r, table))
		case how == 1 && !slices.ContainsFunc(slices.Collect(maps.Values(table)), func(v any) bool { m, is := v.(map[string]any); return is && len(m) == 0 }):
			own.WriteString(dotted(r, key+".", table))
		default:
			header := path + key
			text := writtenTOML(r, header+".", table)
			if strings.HasPrefix(text, "[") && r.IntN(2) == 0 {
				fmt.Fprintf(&below, "\n%s", text) // its own header is left out
				continue
			}
			fmt.Fprintf(&below, "%s[%s]\n%s", []string{"", "\n", "# c\n", "\n# c\n"}[r.IntN(4)], header, text)
		}
	}
	return own.String() + below.String()
}

func dotted(r *rand.Rand, before string, v map[string]any) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(v)) {
		if table, is := v[key].(map[string]any); is && len(table) > 0 {
			b.WriteString(dotted(r, before+key+".", table))
			continue
		}
		fmt.Fprintf(&b, "%s%s = %s\n", before, key, inTOML(r, v[key]))
	}
	return b.String()
}

func inTOML(r *rand.Rand, v any) string {
	switch v := v.(type) {
	case string:
		switch how := r.IntN(4); {
		case how == 0 && !strings.ContainsAny(v, "'\n"):
			return "'" + v + "'"
		case how == 1:
			return `"""` + "\n" + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"""`
		}
		return strconv.Quote(v)
	case []any:
		var parts []string
		for _, item := range v {
			if item != nil {
				parts = append(parts, inTOML(r, item))
			}
		}
		return []string{"[", "[\n  "}[r.IntN(2)] + strings.Join(parts, []string{", ", ",\n  # c\n  "}[r.IntN(2)]) + "]"
	case map[string]any:
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if v[key] != nil {
				parts = append(parts, key+" = "+inTOML(r, v[key]))
			}
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	}
	return fmt.Sprint(v)
}

// tablesOf gives a file arrays of tables at its end.
func tablesOf(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(3) {
		fmt.Fprintf(&b, "[[all]]\nn = %d # c\n", r.IntN(3))
		if r.IntN(3) == 0 {
			b.WriteString("[all.of]\nx = [1]\n")
		}
	}
	return b.String()
}

// TestAnyFileOfLinesBecomesAnyOther: whatever two files of a format hold in which keys have lines, one is edited until it says what the
// other does, with comments of its own left.
func TestAnyFileOfLinesBecomesAnyOther(t *testing.T) {
	t.Parallel()
	for format, write := range map[string]func(*rand.Rand) string{
		"ini":        func(r *rand.Rand) string { return writtenINI(r, fits("ini", content(r, 0), 0)) },
		"properties": func(r *rand.Rand) string { return writtenProperties(r, fits("properties", content(r, 0), 0)) },
		"toml":       func(r *rand.Rand) string { return writtenTOML(r, "", fits("toml", content(r, 0), 0)) + tablesOf(r) },
	} {
		for seed := range uint64(1500) {
			r := rand.New(rand.NewPCG(seed, 5))
			a, b := write(r), write(r)
			if seed%3 == 0 {
				a = strings.ReplaceAll(a, "\n", "\r\n")
			}
			if seed%5 == 0 {
				a = strings.TrimRight(a, "\r\n")
			}
			from, to := parse(t, format, a), parse(t, format, b)
			out, err := from.Edit(to.Root)
			if err != nil {
				t.Errorf("%s, seed %d: %v\n%s\nto\n%s", format, seed, err, a, b)
				continue
			}
			if got := parse(t, format, string(out)); !syntax.Equal(got.Root, to.Root) {
				t.Errorf("%s, seed %d:\n%s\nbecame\n%s", format, seed, a, out)
			}
			if strings.Contains(a, "\r\n") && strings.Count(string(out), "\n") != strings.Count(string(out), "\r\n") {
				t.Errorf("%s, seed %d: line breaks of two kinds in\n%q", format, seed, out)
			}
			if format == "toml" {
				if err := toml.Unmarshal(out, &map[string]any{}); err != nil {
					t.Errorf("seed %d: another reader: %v\n%s", seed, err, out)
				}
			}
		}
	}
}
