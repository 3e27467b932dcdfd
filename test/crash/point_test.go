package crash

import (
	"fmt"
	"strconv"
	"strings"
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
		found = append(found, point{Phase: f[0], Step: f[1], Call: f[2], What: f[3], Nth: nth})
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

// scenario is a way along the line.
type scenario struct {
	name  string
	spoil string // run on the machine before, so that the upgrade fails
	where string // part of the line that is tried in it: its points' phases begin with this; "" for all
	ends  side
	slow  bool // every power cut is one with a slow database
}

var forward = scenario{name: "forward", ends: isNew}

var back = scenario{name: "back", where: "back", ends: isOld,
	spoil: `mkdir -p /etc/systemd/system/cloudify-restservice.service.d
printf '[Service]\nExecStartPre=/bin/sh -c "! grep -q wsgi /usr/lib/systemd/system/cloudify-restservice.service"\n' > /etc/systemd/system/cloudify-restservice.service.d/90-test.conf
systemctl daemon-reload`}

// unprepare makes a migration of prepare fail: the product serves all the time, so
// that nothing but the database's own start keeps the attempt waiting after a cut.
var unprepare = scenario{name: "back from prepare", where: "back", ends: isOld, slow: true,
	spoil: `su postgres -c "psql -XAtq -d cloudify_db" <<'SQL'
create function refuse() returns event_trigger language plpgsql as $$ begin raise exception 'broken on purpose'; end $$;
create event trigger refuse on ddl_command_end when tag in ('CREATE TRIGGER') execute function refuse()
SQL`}

// must says which side the rule leads to from a point. A new phase has begun when the
// rename of the journal's record is done; a power cut before its folder has reached the
// disk may lose that or not.
func (s scenario) must(p point, w way) side {
	if s.ends == isOld || strings.HasPrefix(p.Phase, "back") {
		return isOld
	}
	before, after := isNew, isNew // the phase's record
	switch {
	case p.Phase == "prepare" && p.Step == "after expand the schema":
		after = isOld
	case p.Phase == "switch" && p.Step == "after start the services":
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
