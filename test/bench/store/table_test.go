package main

import (
	"strings"
	"testing"
	"time"

	"onerpm/test/bench/internal/outside"
)

// at is a made result: a machine whose upgrade took so long in each of its parts.
func at(entries int, copied, window, second, during time.Duration, memory int64) result {
	begin := time.Date(2017, 3, 1, 20, 0, 0, 0, time.UTC)
	r := result{entries: entries, entities: 9, naive: naive{took: copied, peak: 1 << 20}, window: outside.Gap{Length: window}, peaks: peaks{memory / 2, memory}}
	first := step{firstPass, begin.Add(time.Minute), begin.Add(2 * time.Minute)}
	r.told.Steps = []step{first, {secondPass, begin, begin.Add(second)}}
	for url := range 2 {
		r.asked = append(r.asked, answer{begin, 10 * time.Millisecond, url}, answer{begin.Add(quiet + time.Second), time.Second, url}, answer{first.Began, during, url})
	}
	return r
}

// Each bound is told to hold or not, and the columns are aligned.
func TestMarkdown(t *testing.T) {
	t.Parallel()
	good := []result{at(10, 5*time.Second, 4*time.Second, time.Second, 20*time.Millisecond, 100<<20), at(many, 30*time.Second, 6*time.Second, 2*time.Second, 30*time.Millisecond, 160<<20)}
	text := markdown(good)
	if strings.Contains(text, "NOT") || strings.Count(text, ": holds") != 4 {
		t.Errorf("all bounds hold, and the table says\n%s", text)
	}
	for _, want := range []string{"| 160 MiB ", "| 3.0 times ", "| 1/5.7 ", "| 34.0 s "} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
	if alone := markdown(good[:1]); strings.Count(alone, ": holds") != 2 || strings.Contains(alone, "NOT") {
		t.Errorf("one small size says nothing of two bounds, and the table says\n%s", alone)
	}
	_, rows, _ := strings.Cut(text, "\n\n")
	for line := range strings.Lines(rows) {
		if first, _, _ := strings.Cut(rows, "\n"); len(strings.TrimSuffix(line, "\n")) != len(first) {
			t.Errorf("not aligned: %q", line)
		}
	}
	for name, bad := range map[string]result{
		"memory": at(many, 30*time.Second, 6*time.Second, 2*time.Second, 30*time.Millisecond, 160<<20+1),
		"growth": at(many, 60*time.Second, 6100*time.Millisecond, 2*time.Second, 30*time.Millisecond, 160<<20),
		"naive":  at(many, 20*time.Second, 6*time.Second, 2*time.Second, 30*time.Millisecond, 160<<20),
		"slower": at(many, 30*time.Second, 6*time.Second, 2*time.Second, 31*time.Millisecond, 160<<20),
	} {
		if text := markdown([]result{good[0], bad}); strings.Count(text, "DOES NOT HOLD") != 1 {
			t.Errorf("%s: one bound does not hold, and the table says\n%s", name, text)
		}
	}
}

// What was seen until the end of the first pass is told apart; a line that was cut says nothing.
func TestPeaks(t *testing.T) {
	t.Parallel()
	w := watch{lines: "100.5 1000\n101.0 2000\n101.5 5000\n102"}
	if got := w.peaks(time.UnixMilli(101_200)); got != (peaks{2000 << 10, 5000 << 10}) {
		t.Errorf("peaks %v", got)
	}
}

// The median is of the questions of one URL that were asked in the time.
func TestMedian(t *testing.T) {
	t.Parallel()
	begin := time.Date(2017, 3, 1, 20, 0, 0, 0, time.UTC)
	var all answers
	for i, took := range []time.Duration{9, 1, 3, 2, 100} {
		all = append(all, answer{begin.Add(time.Duration(i) * time.Second), took, 0}, answer{begin, 50, 1})
	}
	if got := all.median(0, begin, begin.Add(4*time.Second)); got != 3 {
		t.Errorf("median %d, want 3", got)
	}
	if got := all.median(0, begin.Add(time.Hour), begin.Add(2*time.Hour)); got != 0 {
		t.Errorf("median of nothing %d", got)
	}
}
