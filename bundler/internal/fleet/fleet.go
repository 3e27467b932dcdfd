// Package fleet makes one picture of many machines out of what they answered when they were upgraded: who is where, how
// long each was out of service, and which causes failures had.
//
// The answers are the JSON of the upgrade's command on a machine (check, wait, report), as the tools for fleets leave
// them in a folder. They come from machines: what is read is bounded, and the page and the table are safe to look at
// whatever stands in it.
package fleet

import (
	"cmp"
	"slices"
	"time"
)

// State is where a machine is.
type State string

// The states, in the order in which machines are listed: those first that somebody has to look at.
const (
	NeedsAPerson State = "needs-a-person"
	RolledBack   State = "rolled-back"
	Refused      State = "refused"
	UnderWay     State = "under-way"
	Ready        State = "ready" // looked at, not upgraded
	Upgraded     State = "upgraded"
)

var order = []State{NeedsAPerson, RolledBack, Refused, UnderWay, Ready, Upgraded}

// failed tells whether somebody has to look at the machine.
func (s State) failed() bool { return slices.Index(order, s) <= slices.Index(order, Refused) }

// Machine is what is known of one machine.
type Machine struct {
	Name     string        `json:"name"`
	From     string        `json:"from"`
	To       string        `json:"to"`
	State    State         `json:"state"`
	Window   time.Duration `json:"-"`                         // out of service in the last upgrade; 0 when not known
	Seconds  float64       `json:"window_seconds,omitempty"`  // the same
	Measured bool          `json:"window_measured,omitempty"` // by the product's answers
	Ended    time.Time     `json:"ended,omitzero"`            // the last upgrade
	Agents   bool          `json:"agents_pending,omitempty"`  //
	Cause    string        `json:"cause,omitempty"`           // of a failure
	Todo     string        `json:"todo,omitempty"`            // likewise
	causes   []reason      // what Cause is made of
}

// reason is one cause of a machine's failure.
type reason struct {
	what string // for people
	kind string // by which machines are put together: a finding's ID, or the text without figures
}

// Cause is what machines failed of.
type Cause struct {
	What     string   `json:"what"` // as the first of the machines says it
	State    State    `json:"state"`
	Machines []string `json:"machines"`
}

// Skipped is a file that is no answer.
type Skipped struct {
	File string `json:"file"`
	Why  string `json:"why"`
}

// Windows are the times out of service of the machines that were upgraded.
type Windows struct {
	Machines int     `json:"machines"`
	Least    float64 `json:"least_seconds"`
	Median   float64 `json:"median_seconds"`
	Most     float64 `json:"most_seconds"`
}

// Fleet is all of them.
type Fleet struct {
	Machines []Machine     `json:"machines"`
	Counts   map[State]int `json:"counts"`
	Windows  *Windows      `json:"windows,omitempty"` // nil when no machine was upgraded
	Causes   []Cause       `json:"causes"`
	Skipped  []Skipped     `json:"skipped"`
}

// newFleet counts and sorts.
func newFleet(machines []Machine, skipped []Skipped) *Fleet {
	slices.SortFunc(machines, func(a, b Machine) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.State), slices.Index(order, b.State)), compareNames(a.Name, b.Name))
	})
	f := &Fleet{Machines: machines, Counts: map[State]int{}, Causes: []Cause{}, Skipped: skipped}
	var windows []float64
	at := map[string]int{}
	for _, m := range machines {
		f.Counts[m.State]++
		if m.State == Upgraded && m.Seconds > 0 {
			windows = append(windows, m.Seconds)
		}
		if !m.State.failed() {
			continue
		}
		for _, r := range m.causes {
			key := string(m.State) + "\x00" + r.kind
			n, known := at[key]
			if !known {
				n = len(f.Causes)
				at[key] = n
				f.Causes = append(f.Causes, Cause{What: r.what, State: m.State})
			}
			f.Causes[n].Machines = append(f.Causes[n].Machines, m.Name)
		}
	}
	slices.SortStableFunc(f.Causes, func(a, b Cause) int { return cmp.Compare(len(b.Machines), len(a.Machines)) })
	if slices.Sort(windows); len(windows) > 0 {
		n := len(windows)
		f.Windows = &Windows{Machines: n, Least: windows[0], Median: windows[(n-1)/2], Most: windows[n-1]}
	}
	return f
}

// compareNames compares names as people count: m2 comes before m10.
func compareNames(a, b string) int {
	for a != "" && b != "" {
		na, nb := digits(a), digits(b)
		if na > 0 && nb > 0 {
			x, y := trimZeros(a[:na]), trimZeros(b[:nb])
			if c := cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y)); c != 0 {
				return c
			}
			a, b = a[na:], b[nb:]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

func trimZeros(s string) string {
	for len(s) > 1 && s[0] == '0' {
		s = s[1:]
	}
	return s
}
