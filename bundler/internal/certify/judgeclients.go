package certify

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// answered is a line of what clients noted.
type answered struct {
	crowd       int
	made, ended float64 // of its connection, 0 for none; of the request; seconds since 1970
	wait        float64 // seconds
	result      string  // status, or why there was no whole answer
	status      int     // 0 without an answer
}

func readAnswered(line string, crowds int) (a answered, err error) {
	f := strings.SplitN(strings.TrimSpace(line), " ", 5)
	if len(f) == 5 {
		a.crowd, err = strconv.Atoi(f[0])
		for i, to := range []*float64{&a.made, &a.ended, &a.wait} {
			if err == nil {
				*to, err = strconv.ParseFloat(f[i+1], 64)
			}
		}
		a.result = f[4]
		a.status, _ = strconv.Atoi(a.result)
	}
	if len(f) != 5 || err != nil || a.crowd < 0 || a.crowd >= crowds {
		return a, fmt.Errorf("read what the clients noted: %q", short(line))
	}
	return a, nil
}

// judgeClients reads what the clients noted during an upgrade. Whoever came when the door was shut must not have been
// turned away where the door has its clients wait, and everybody must be answered at the end. A request on a
// connection that was there before can be cut off: nobody can pass it on.
func judgeClients(out string, crowds []crowd, upgraded report) (*Clients, faults, error) {
	saw := &Clients{}
	shut := upgraded.shut()
	turnedAway, last := make([]int, len(crowds)), make([]answered, len(crowds))
	first := make([]answered, len(crowds)) // that was turned away
	asked, wrote := make([]int, len(crowds)), make([]int, len(crowds))
	for line := range strings.Lines(out) {
		a, err := readAnswered(line, len(crowds))
		if err != nil {
			return nil, nil, err
		}
		saw.Requests++
		asked[a.crowd]++
		if crowds[a.crowd].Notes != "" && a.status/100 == 2 {
			saw.Writes++
			wrote[a.crowd]++
		}
		saw.Longest = max(saw.Longest, a.wait)
		if a.ended >= last[a.crowd].ended {
			last[a.crowd] = a
		}
		if a.status != 0 && a.status < 500 {
			continue
		}
		saw.Failed++
		if a.status == 0 && a.made > 0 && a.made <= shut {
			saw.Cut++
			continue
		}
		if turnedAway[a.crowd]++; turnedAway[a.crowd] == 1 {
			first[a.crowd] = a
		}
	}
	saw.Longest = seconds(saw.Longest)
	var f faults
	for i, g := range crowds {
		if turnedAway[i] > 0 && g.Held {
			f.add("turned away: %d of the requests of %s (%s), the first with %q %.1f s after the door was shut%s", turnedAway[i], g.Name, g.URL,
				short(first[i].result), first[i].ended-shut, upgraded.warned())
		}
		if s := last[i].status; g.Want != 0 && s != g.Want || g.Want == 0 && (s == 0 || s >= 400) {
			f.add("the clients of %s (%s) get %q at the end", g.Name, g.URL, short(last[i].result))
		}
		if g.Notes != "" && wrote[i] == 0 {
			f.add("nothing was written: of %d requests of %s (%s) none was acknowledged, that is, answered with 2xx, the last with %q; so nothing shows that writes survive. "+
				"Make it by hand on a machine of the old release until it writes", asked[i], g.Name, g.URL, short(last[i].result))
		}
	}
	return saw, f, nil
}

// shut is when the door was shut, in seconds since 1970, rounded up.
func (r report) shut() float64 {
	return float64(r.Closed.Add(time.Millisecond).UnixMilli()) / 1000
}

// warned is what the upgrade warns of, behind a fault.
func (r report) warned() string {
	if len(r.Warnings) == 0 {
		return ""
	}
	return "; the upgrade warns: " + strings.Join(r.Warnings, "; ")
}
