package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// markdown makes the table: a line for each bundle, way and kind of clients, over all rounds.
func markdown(all []result) string {
	var b strings.Builder
	b.WriteString("From another network, over TLS, 50 requests a second on 200 kept connections, a fifth of them uploads; nobody tries again. " +
		"All rounds of a line together: failed requests of all, among them refused connections and answers of 500 and more; the longest wait; the window as the upgrade reports it.\n\n" +
		"| way | clients | upgrades | requests | failed | refused | errors | longest wait | window, median | shortest to longest | longest wait beyond its window | acknowledged writes lost |\n" +
		"| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, slow := range []bool{false, true} {
		for _, back := range []bool{false, true} {
			for _, bundle := range []string{"the bundle of before", "the bundle"} {
				group := slices.DeleteFunc(slices.Clone(all), func(r result) bool { return r.bundle != bundle || r.slow != slow || r.back != back })
				if len(group) > 0 {
					b.WriteString(line(group))
				}
			}
		}
	}
	return b.String()
}

func line(group []result) string {
	var sum result
	var windows []time.Duration
	beyond := -time.Hour
	for _, r := range group {
		sum.requests, sum.failed, sum.refused, sum.errors, sum.lost = sum.requests+r.requests, sum.failed+r.failed, sum.refused+r.refused, sum.errors+r.errors, sum.lost+r.lost
		sum.longest = max(sum.longest, r.longest)
		beyond = max(beyond, r.longest-r.window)
		windows = append(windows, r.window)
	}
	slices.Sort(windows)
	r := group[0]
	way, clients := "an upgrade by "+r.bundle, "quick"
	if r.back {
		way = "one that goes back, by " + r.bundle
	}
	if r.slow {
		clients = "slow ones too"
	}
	return fmt.Sprintf("| %s | %s | %d | %d | %d | %d | %d | %.2f s | %.2f s | %.2f to %.2f s | %.2f s | %d |\n", way, clients, len(group), sum.requests, sum.failed, sum.refused, sum.errors,
		sum.longest.Seconds(), windows[len(windows)/2].Seconds(), windows[0].Seconds(), windows[len(windows)-1].Seconds(), beyond.Seconds(), sum.lost)
}
