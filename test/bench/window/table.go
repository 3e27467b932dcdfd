package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// markdown makes the table: a line for each way at each size, with the round of the median window.
func markdown(results []result) string {
	var b strings.Builder
	groups := byWay(results)
	rounds := 0
	for _, g := range groups {
		rounds = max(rounds, len(g))
	}
	fmt.Fprintf(&b, "Seen from outside, through the door, by 20 questions a second; each on fresh 4.1.1 machines with 2 cores. %s\n\n", told(rounds))
	b.WriteString("| rows in each of events and logs | way | out of service | shortest to longest | unanswered questions | reported by the upgrade itself | predicted by its rehearsal | from command to end |\n" +
		"| --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, g := range groups {
		m, first, last := g[len(g)/2], g[0], g[len(g)-1]
		fmt.Fprintf(&b, "| %d | %s | %.1f s | %.1f to %.1f s | %d | %s | %s | %.0f s |\n", m.rows, m.way, m.window.Length.Seconds(),
			first.window.Length.Seconds(), last.window.Length.Seconds(), m.window.Failed, cmp.Or(m.told, "-"), cmp.Or(m.said, "-"), m.total.Seconds())
	}
	return b.String()
}

func told(rounds int) string {
	if rounds == 1 {
		return "One round."
	}
	return fmt.Sprintf("Of %d rounds, in which the ways take turns, the one of the median window.", rounds)
}

// byWay puts the rounds of one way at one size together, the shortest window first; the groups are in the order in which
// they were measured.
func byWay(results []result) [][]result {
	var groups [][]result
	for _, r := range results {
		at := slices.IndexFunc(groups, func(g []result) bool { return g[0].rows == r.rows && g[0].way == r.way })
		if at < 0 {
			groups = append(groups, []result{r})
			continue
		}
		groups[at] = append(groups[at], r)
	}
	for _, g := range groups {
		slices.SortStableFunc(g, func(a, b result) int { return cmp.Compare(a.window.Length, b.window.Length) })
	}
	return groups
}
