package trial

import (
	"fmt"
	"slices"
	"strings"

	"onerpm/payload-scripts/internal/scratch"
)

// differencesShown bounds what is reported of two schemas.
const differencesShown = 12

// differences are the lines that only one of two schemas has: "+ " what is new, "- " what is gone.
func differences(want, got []string) []string {
	bare := func(line string) string { return strings.TrimSuffix(strings.TrimSpace(line), ",") } // the last column has no comma
	count := map[string]int{}
	for _, line := range want {
		count[bare(line)]++
	}
	var differ []string
	for _, line := range got {
		if line = bare(line); count[line] <= 0 {
			differ = append(differ, "+ "+line)
		}
		count[line]--
	}
	for _, line := range want {
		if line = bare(line); count[line] > 0 {
			count[line]--
			differ = append(differ, "- "+line)
		}
	}
	if more := len(differ) - differencesShown; more > 0 {
		differ = append(differ[:differencesShown], fmt.Sprintf("and %d more", more))
	}
	return differ
}

// lost compares the tables that were there before a way with what they have at its
// end: a table that is gone or has fewer rows lost some.
func lost(way string, before, after []scratch.Table) []string {
	var said []string
	for _, t := range before {
		i := slices.IndexFunc(after, func(a scratch.Table) bool { return a.Name == t.Name })
		switch {
		case i < 0 && t.Rows > 0:
			said = append(said, fmt.Sprintf("%s: %s with its %d rows is gone", way, t.Name, t.Rows))
		case i >= 0 && after[i].Rows < t.Rows:
			said = append(said, fmt.Sprintf("%s: %s has %d rows instead of %d", way, t.Name, after[i].Rows, t.Rows))
		}
	}
	return said
}
