package main

import (
	"fmt"
	"strings"
)

// markdown writes the results as a table: see contenders for what is first in each.
func markdown(results []result, rounds, cores int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Best of %d rounds, in which the ways take turns, on %d cores; every file is in the page cache before, and "+
		"synced to the disk within the time. Memory is the largest resident set of all rounds.\n\n", rounds, cores)
	b.WriteString("| components | made by | wall time | of read, sha256, write | time of cores | of the earlier bundler's | peak memory |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, r := range results {
		for i, name := range r.names {
			fmt.Fprintf(&b, "| %d MB | %s | %.2f s | %.2f | %.2f s | %.2f | %d MiB |\n", r.total/mb, name, r.best[i].wall.Seconds(),
				r.best[i].wall.Seconds()/r.best[0].wall.Seconds(), r.best[i].cpu.Seconds(), r.best[i].cpu.Seconds()/r.best[2].cpu.Seconds(), (r.best[i].peak+1<<20-1)>>20)
		}
	}
	return b.String()
}
