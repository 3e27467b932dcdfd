package crash

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"onerpm/test/machinecheck"
)

// point is a call of the engine at which it can die: the nth of its kind about one
// thing in a step of a phase. The engine dies right before the call, but after it where the
// call's name says so: started, ended, migrated, at work.
type point struct {
	Phase string `json:"phase"`
	Step  string `json:"step"`
	Call  string `json:"call"`
	What  string `json:"what"` // what the call is about, * for what differs in each run
	Nth   int    `json:"nth"`
}

// name is the point as the engine writes and reads it.
func (p point) name() string {
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%d", p.Phase, p.Step, p.Call, p.What, p.Nth)
}

func (p point) String() string { return strings.ReplaceAll(p.name(), "\t", ", ") }

// asked says whether a point is one of a question that is put again and again until a unit is ready: how often, differs from
// run to run, so that only the first time is a point of all of them.
func (p point) asked() bool { return strings.HasSuffix(p.Call, " journalctl") && p.Nth > 1 }

// parseTrace reads the trace of a recorded run.
func parseTrace(trace string) ([]point, error) {
	var found []point
	for line := range strings.Lines(trace) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(f) != 5 {
			return nil, fmt.Errorf("a line of the trace has %d fields: %q", len(f), line)
		}
		nth, err := strconv.Atoi(f[4])
		if err != nil {
			return nil, fmt.Errorf("a line of the trace: %w: %q", err, line)
		}
		if p := (point{Phase: f[0], Step: f[1], Call: f[2], What: f[3], Nth: nth}); !p.asked() {
			found = append(found, p)
		}
	}
	return found, nil
}

// way is how the engine dies at a point.
type way string

const (
	killed  way = "kill -9"              // the engine alone; systemd starts it again
	cut     way = "power"                // the whole machine, with what was not synced
	cutSlow way = "power, slow database" // the same, and the database takes long to come up, as a large one does after it
)

// side is what the machine must be in the end.
type side string

const (
	isOld  side = "old"
	isNew  side = "new"
	either side = "either"
)

// jump is a jump of the demo product.
type jump struct {
	From string `json:"from"`
	To   string `json:"to"`
}

func (j jump) String() string { return j.From + "-" + j.To }

var (
	first  = jump{"3.4.2", "4.0.1"} // out of Elasticsearch
	second = jump{"4.0.1", "4.1.1"}
	third  = jump{"4.1.1", "4.2.0"}
	jumps  = []jump{first, second, third}
)

// course is a way along the line.
type course struct {
	name  string
	where string // part of the line that is tried in it: its points' phases begin with this; "" for all
	ends  side
	slow  bool // every power cut is one with a slow database
}

var (
	forward = course{name: "forward", ends: isNew}
	back    = course{name: "back", where: "back", ends: isOld} // the new release does not start
	// unprepare makes a migration of prepare fail: the product serves all the time, so
	// that nothing but the database's own start keeps the attempt waiting after a cut.
	unprepare = course{name: "back from prepare", where: "back", ends: isOld, slow: true}
)

// scenario is a way along the line of a jump.
type scenario struct {
	jump
	course
}

func (s scenario) String() string { return s.jump.String() + " " + s.name }

// scenarios are all of them.
func scenarios() []scenario {
	var all []scenario
	for _, j := range jumps {
		for _, c := range []course{forward, back, unprepare} {
			all = append(all, scenario{j, c})
		}
	}
	return all
}

// broken is a migration of prepare that an event trigger refuses, where there is a database before: what its command makes, and the command.
var broken = map[jump]struct{ tag, object string }{
	second: {"CREATE INDEX", "public.nodes_type_idx"},
	third:  {"CREATE TRIGGER", ""},
}

// spoil is run on the machine before, so that the upgrade fails where the scenario wants it.
func (s scenario) spoil() string {
	switch {
	case s.course == back:
		return machinecheck.Spoil(s.To)
	case s.course == unprepare && s.jump == first: // it has no database yet
		return machinecheck.SpoilCopy
	case s.course == unprepare:
		b := broken[s.jump]
		return machinecheck.SQL(`create function refuse() returns event_trigger language plpgsql as $$ begin
if exists (select from pg_event_trigger_ddl_commands() where object_identity like '` + b.object + `%') then raise exception 'broken on purpose'; end if; end $$;
create event trigger refuse on ddl_command_end when tag in ('` + b.tag + `') execute function refuse()`)
	}
	return ""
}

// lastOf has the steps at whose end the next phase is recorded, of those phases where that changes the side.
// [record] holds it against what was run.
var lastOf = map[string]string{"prepare": "after copy the stores", "switch": "after try the door"}

// must says which side the rule leads to from a point. A new phase has begun when the
// rename of the journal's record is done; a power cut before its folder has reached the
// disk may lose that or not.
func (s scenario) must(p point, w way) side {
	if s.ends == isOld || strings.HasPrefix(p.Phase, "back") {
		return isOld
	}
	before, after := isNew, isNew // the phase's record
	switch {
	case p.Phase == "prepare" && p.Step == lastOf["prepare"]:
		after = isOld
	case p.Phase == "switch" && p.Step == lastOf["switch"]:
		before = isOld
	case p.Phase == "switch":
		return isOld
	}
	switch renamed := p.Call == "fsync" && !strings.HasSuffix(p.What, "/journal.json"); {
	case !renamed || before == after:
		return before
	case w == killed:
		return after
	}
	return either
}

// TestMust holds the rule at its turning points.
func TestMust(t *testing.T) {
	t.Parallel()
	ahead := scenario{third, forward}
	for _, c := range []struct {
		in          scenario
		phase, step string
		call, what  string
		kill, power side
	}{
		{ahead, "start", "-", "rename", "/state", isNew, isNew},
		{ahead, "prepare", "preflight", "fsync", "/a", isNew, isNew},
		{ahead, "prepare", "after copy the stores", "rename", "/journal.json", isNew, isNew},
		{ahead, "prepare", "after copy the stores", "fsync", "/journal.json", isNew, isNew},
		{ahead, "prepare", "after copy the stores", "fsync", "/folder", isOld, either},
		{ahead, "switch", "packages to new", "rpm at work", "a", isOld, isOld},
		{ahead, "switch", "after start the services", "fsync", "/folder", isOld, isOld},
		{ahead, "switch", "after try the door", "rename", "/journal.json", isOld, isOld},
		{ahead, "switch", "after try the door", "fsync", "/journal.json", isOld, isOld},
		{ahead, "switch", "after try the door", "fsync", "/folder", isNew, either},
		{ahead, "open", "open the door", "fsync", "/folder", isNew, isNew},
		{scenario{third, back}, "back, from the switch", "open the door", "fsync", "/folder", isOld, isOld},
		{scenario{second, unprepare}, "prepare", "preflight", "fsync", "/folder", isOld, isOld},
	} {
		p := point{Phase: c.phase, Step: c.step, Call: c.call, What: c.what, Nth: 1}
		for w, want := range map[way]side{killed: c.kill, cut: c.power, cutSlow: c.power} {
			if got := c.in.must(p, w); got != want {
				t.Errorf("%s: %s by %s must be %s, want %s", c.in, p, w, got, want)
			}
		}
	}
}

func TestParseTrace(t *testing.T) {
	t.Parallel()
	got, err := parseTrace("a\tb\tc\td e\t1\na\tb\tstarted journalctl\td\t2\na\tb\tc\t\t12\n")
	if want := []point{{"a", "b", "c", "d e", 1}, {"a", "b", "c", "", 12}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	if got[0].name() != "a\tb\tc\td e\t1" {
		t.Errorf("its name is %q", got[0].name())
	}
	for _, bad := range []string{"a\tb\tc\t1\n", "a\tb\tc\td\tx\n", "\n"} {
		if _, err := parseTrace(bad); err == nil {
			t.Errorf("%q is taken for a trace", bad)
		}
	}
}
