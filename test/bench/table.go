package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// markdown writes the results as a table. The first contender of each is the measure.
func markdown(results []result, rounds, cores int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Best of %d rounds, one after another in the same run, on %d cores; every file is in the page cache before, and "+
		"synced to the disk within the time. Memory is the largest resident set of all rounds.\n\n", rounds, cores)
	b.WriteString("| components | made by | wall time | of read, sha256, write | time of cores | peak memory |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, r := range results {
		for i, name := range r.names {
			fmt.Fprintf(&b, "| %d MB | %s | %.2f s | %.2f | %.2f s | %d MiB |\n", r.total/mb, name, r.best[i].wall.Seconds(),
				r.best[i].wall.Seconds()/r.best[0].wall.Seconds(), r.best[i].cpu.Seconds(), (r.best[i].peak+1<<20-1)>>20)
		}
	}
	return b.String()
}

// writeSection puts text between the markers of a section in a document, and adds
// them at its end when they are not there.
func writeSection(path, name, text string) error {
	open, end := "<!-- measured: "+name+" -->\n", "<!-- end: "+name+" -->\n"
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	before, rest, found := strings.Cut(string(old), open)
	_, after, closed := strings.Cut(rest, end)
	if found != closed {
		return fmt.Errorf("%s: section %s has no end", path, name)
	}
	return os.WriteFile(path, []byte(before+open+"\n"+text+"\n"+end+after), 0o644)
}
