package random

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// kind is what is done to a machine.
type kind string

const (
	engine    kind = "engine"         // SIGKILL of the engine alone
	rpmAlone  kind = "rpm"            // SIGKILL of the rpm that changes packages
	rpmParent kind = "rpm and parent" // and of the engine that started it
	postgres  kind = "postgres"       // SIGKILL of the whole PostgreSQL; systemd starts it again
	elastic   kind = "elasticsearch"  // likewise, of the jump that leaves it
	dbus      kind = "dbus"           // its restart: every connection to it is lost
	reexec    kind = "reexec"         // systemctl daemon-reexec
	power     kind = "power"          // the machine and its disk; it is on again at once
)

// Of these a second fault may be one too: what is away for longer than it takes to look again, and what an admin does.
const (
	child        kind = "child"         // SIGKILL of a program that the engine has started, but for rpm
	postgresAway kind = "postgres away" // stopped, and started again after 8 s
	dbusAway     kind = "dbus away"     // for 3 s
	stop         kind = "stop"          // systemctl stop of the engine, and start by hand
	rollback     kind = "rollback"      // the command
	reboot       kind = "reboot"        // a clean one
)

var (
	kinds = []kind{engine, rpmAlone, rpmParent, postgres, dbus, reexec, power}
	more  = append(slices.Clone(kinds), child, postgresAway, dbusAway, stop, rollback, reboot)

	// Of the jump that leaves Elasticsearch: a PostgreSQL comes and goes with an attempt.
	firstKinds = append(slices.Clone(kinds), elastic)
	firstMore  = append(slices.Clone(firstKinds), child, dbusAway, stop, rollback, reboot)
)

// fault is one of them and the time for it: a delay after the attempt has come to a phase, or after
// the fault before it.
type fault struct {
	Kind  kind          `json:"kind"`
	After phase         `json:"after"` // of the attempt; "" for the fault before this one
	Delay time.Duration `json:"delay"`
}

func (f fault) String() string {
	after := string(f.After)
	if after == "" {
		after = "the first"
	}
	return fmt.Sprintf("%s %s after %s", f.Kind, f.Delay.Round(time.Millisecond), after)
}

// jump is a jump of the demo product.
type jump struct {
	From string `json:"from"`
	To   string `json:"to"`
}

func (j jump) String() string { return j.From + "-" + j.To }

// first leaves Elasticsearch for PostgreSQL.
var (
	first = jump{"3.4.2", "4.0.1"}
	later = []jump{{"4.0.1", "4.1.1"}, {"4.1.1", "4.2.0"}}
	jumps = append([]jump{first}, later...)
)

// laterTrials is how many trials of a seed are of the later jumps; those from then on are of the first one.
const laterTrials = 224

// plan is one trial.
type plan struct {
	Seed   uint64  `json:"seed"`
	N      int     `json:"n"`
	Jump   jump    `json:"jump"`
	Back   bool    `json:"back"` // the new release does not start
	Faults []fault `json:"faults"`
}

func (p plan) key() string { return fmt.Sprintf("%d/%04d", p.Seed, p.N) }

func (p plan) way() string {
	if p.Back {
		return "back"
	}
	return "forward"
}

func (p plan) String() string {
	var faults []string
	for _, f := range p.Faults {
		faults = append(faults, f.String())
	}
	return fmt.Sprintf("%s %s %s %s", p.key(), p.Jump, p.way(), strings.Join(faults, ", "))
}

// lasts is about how long each phase takes on a quiet machine: the delays are spread over it and a little more. A
// fault that comes late for its phase hits a later one.
var (
	lasts = map[phase]time.Duration{
		starting: 300 * time.Millisecond, preparing: 2500 * time.Millisecond, switching: 2500 * time.Millisecond, opening: 800 * time.Millisecond, back: 3 * time.Second,
	}
	firstLasts = map[phase]time.Duration{
		starting: 300 * time.Millisecond, preparing: 10 * time.Second, switching: 8 * time.Second, opening: 2 * time.Second, back: 6 * time.Second,
	}
)

// planOf draws the nth trial of a seed: the same one each time.
func planOf(seed uint64, n int) plan {
	lot := rand.New(rand.NewPCG(seed, uint64(n)))
	if n >= laterTrials {
		return draft(lot, plan{Seed: seed, N: n, Jump: first, Back: lot.IntN(2) == 0}, firstKinds, firstMore, firstLasts)
	}
	return draft(lot, plan{Seed: seed, N: n, Jump: later[lot.IntN(len(later))], Back: lot.IntN(2) == 0}, kinds, more, lasts)
}

// draft draws the faults of a trial.
func draft(lot *rand.Rand, p plan, kinds, more []kind, lasts map[phase]time.Duration) plan {
	begin := fault{Kind: kinds[p.N%len(kinds)]} // each kind as often
	switch begin.Kind {
	case rpmAlone, rpmParent: // there is none before
		begin.After = switching
		if p.Back && lot.IntN(2) == 0 {
			begin.After = back
		}
		begin.Delay = delay(lot, 700*time.Millisecond) // after rpm was seen
	default:
		begin.After = phaseOf(lot, p.Back)
		if begin.Kind == elastic && begin.After == opening { // it does not run any more
			begin.After = switching
		}
		begin.Delay = delay(lot, lasts[begin.After])
	}
	p.Faults = []fault{begin}
	if lot.IntN(2) == 0 {
		p.Faults = append(p.Faults, fault{Kind: more[lot.IntN(len(more))], Delay: delay(lot, 4*time.Second)})
	}
	return p
}

func delay(lot *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(lot.Int64N(int64(most))).Round(time.Millisecond)
}

// phaseOf draws a phase: those more often in which more can break.
func phaseOf(lot *rand.Rand, goesBack bool) phase {
	from := []phase{starting, preparing, preparing, preparing, switching, switching, switching, opening, opening, opening}
	if goesBack {
		from = []phase{preparing, switching, switching, back, back, back, back, back}
	}
	return from[lot.IntN(len(from))]
}

// TestPlans wants the choice to be repeatable and to reach everything.
func TestPlans(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to    int
		jumps       []jump
		kinds, more []kind
	}{
		{0, 200, later, kinds, more},
		{laterTrials, laterTrials + 200, []jump{first}, firstKinds, firstMore},
	} {
		seen := map[string]int{}
		for n := c.from; n < c.to; n++ {
			p := planOf(7, n)
			if again := planOf(7, n); again.String() != p.String() {
				t.Fatalf("trial %d is %v once and %v then", n, p, again)
			}
			seen[p.Jump.String()]++
			seen[p.way()]++
			seen[fmt.Sprintf("%d faults", len(p.Faults))]++
			for i, f := range p.Faults {
				seen[string(f.Kind)]++
				if i == 0 {
					seen["after "+string(f.After)]++
				}
				if (i == 0) != (f.After != "") || f.Delay < 0 || f.Delay > 10*time.Second {
					t.Errorf("trial %d: fault %d is %+v", n, i, f)
				}
				if !p.Back && f.After == back || f.Kind == elastic && f.After == opening {
					t.Errorf("trial %d waits for what is not there: %v", n, p)
				}
			}
		}
		want := []string{"forward", "back", "1 faults", "2 faults", "after start", "after prepare", "after switch", "after open", "after back"}
		for _, j := range c.jumps {
			want = append(want, j.String())
		}
		for _, k := range c.kinds {
			want = append(want, string(k))
		}
		for _, k := range c.more {
			if seen[string(k)] < 2 {
				t.Errorf("%s: %d of 200 trials", k, seen[string(k)])
			}
		}
		for _, what := range want {
			if seen[what] < 5 {
				t.Errorf("%s: %d of 200 trials", what, seen[what])
			}
		}
	}
	if planOf(7, 3).String() == planOf(8, 3).String() {
		t.Error("another seed makes the same trial")
	}
}
