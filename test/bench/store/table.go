package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The bounds.
const (
	ofNaive    = 5                // parts of the naive window that ours may be
	many       = 1_000_000        // events and logs from which on that is demanded
	growth     = 2 * time.Second  // of the window, from the smallest size to the largest
	mostMemory = int64(160 << 20) // of the engine, in bytes
	slower     = 3.0              // times that an answer may take during the first pass
)

// figure is a line of the table: its values at each size, and a bound with whether it holds.
type figure struct {
	name   string
	values []string
	bound  string
}

// markdown makes the table: a column for each size, whose columns are aligned.
func markdown(results []result) string {
	figures := figuresOf(results)
	head := figure{name: "events and logs", bound: "bound"}
	for _, r := range results {
		head.values = append(head.values, fmt.Sprint(r.entries))
	}
	rows := [][]string{head.row()}
	for _, f := range figures {
		rows = append(rows, f.row())
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	var b strings.Builder
	b.WriteString("Each size on a fresh 3.4.2 machine with 2 cores. The window is seen from outside, through the door, by 20 questions a second; memory is VmHWM of the engine's process.\n\n")
	for i, row := range rows {
		for column, cell := range row {
			fmt.Fprintf(&b, "| %-*s ", widths[column], cell)
		}
		b.WriteString("|\n")
		if i == 0 {
			for _, width := range widths {
				b.WriteString("| " + strings.Repeat("-", width) + " ")
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}

func (f figure) row() []string { return append(append([]string{f.name}, f.values...), f.bound) }

func figuresOf(results []result) []figure {
	each := func(name, bound string, value func(result) string) figure {
		f := figure{name: name, bound: bound}
		for _, r := range results {
			f.values = append(f.values, value(r))
		}
		return f
	}
	small, large := results[0], results[len(results)-1]
	slowest := slices.MaxFunc(results, func(a, b result) int { return int(1000 * (a.slowdown() - b.slowdown())) }).slowdown()
	memory := slices.MaxFunc(results, func(a, b result) int { return int(a.peaks.all - b.peaks.all) }).peaks.all
	var grown, shorter string // bounds of sizes that may not have been measured
	if len(results) > 1 {
		grown = told(large.window.Length <= small.window.Length+growth, "at most %s more than at %d", seconds(growth), small.entries)
	}
	if large.entries >= many {
		shorter = told(large.window.Length*ofNaive <= large.naiveWindow(), "at most 1/%d at %d", ofNaive, large.entries)
	}
	return []figure{
		each("entities", "", func(r result) string { return fmt.Sprint(r.entities) }),
		each("first pass", "", func(r result) string { return seconds(r.told.step(firstPass).took()) }),
		each("documents a second", "", func(r result) string { return r.rate(r.told.step(firstPass).took()) }),
		each("engine's peak memory in it", "", func(r result) string { return mib(r.peaks.first) }),
		each("engine's peak memory in all", told(memory <= mostMemory, "at most %s", mib(mostMemory)), func(r result) string { return mib(r.peaks.all) }),
		each("a list, median before", "", func(r result) string { return millis(r.before(0)) }),
		each("a list, median in the first pass", "", func(r result) string { return millis(r.during(0)) }),
		each("one thing, median before", "", func(r result) string { return millis(r.before(1)) }),
		each("one thing, median in the first pass", "", func(r result) string { return millis(r.during(1)) }),
		each("slower, the worse of both", told(slowest <= slower, "at most %.0f times", slower), func(r result) string { return fmt.Sprintf("%.1f times", r.slowdown()) }),
		each("naive copy", "", func(r result) string { return seconds(r.naive.took) }),
		each("its documents a second", "", func(r result) string { return r.rate(r.naive.took) }),
		each("its peak memory", "", func(r result) string { return mib(r.naive.peak) }),
		each("out of service with it", "", func(r result) string { return seconds(r.naiveWindow()) }),
		each("out of service", grown, func(r result) string { return seconds(r.window.Length) }),
		each("as the upgrade reports it", "", func(r result) string { return seconds(r.told.Window.D()) }),
		each("second pass in it", "", func(r result) string { return seconds(r.told.step(secondPass).took()) }),
		each("of that with the naive copy", shorter, func(r result) string {
			return fmt.Sprintf("1/%.1f", r.naiveWindow().Seconds()/r.window.Length.Seconds())
		}),
		each("from command to end", "", func(r result) string { return seconds(r.total) }),
	}
}

// told is a bound and whether it holds.
func told(holds bool, format string, args ...any) string {
	return fmt.Sprintf(format, args...) + map[bool]string{true: ": holds", false: ": DOES NOT HOLD"}[holds]
}

// rate is how many documents a second were copied.
func (r result) rate(took time.Duration) string {
	var n int64
	for _, s := range r.told.Stores {
		n += s.Documents
	}
	return fmt.Sprintf("%.0f", float64(n)/took.Seconds())
}

// before and during are the median times of a question's answers.
func (r result) before(url int) time.Duration {
	return r.asked.median(url, time.Time{}, r.asked[0].at.Add(quiet))
}

func (r result) during(url int) time.Duration {
	s := r.told.step(firstPass)
	return r.asked.median(url, s.Began, s.Ended)
}

// slowdown is how many times longer the worse of both questions takes during the first pass.
func (r result) slowdown() float64 {
	return max(r.during(0).Seconds()/r.before(0).Seconds(), r.during(1).Seconds()/r.before(1).Seconds())
}

// naiveWindow is the time without service of an upgrade that copies everything in place of the second pass.
func (r result) naiveWindow() time.Duration {
	return r.naive.took + r.window.Length - r.told.step(secondPass).took()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func millis(d time.Duration) string { return fmt.Sprintf("%.1f ms", 1000*d.Seconds()) }

func mib(bytes int64) string { return fmt.Sprintf("%d MiB", (bytes+1<<20-1)>>20) }
