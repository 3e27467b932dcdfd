package crash

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// point is a call of the engine at which it can die: the nth of its kind in a
// step of a phase. The engine dies right before the call, but after it where the
// call's name says so: started, ended, migrated, at work.
type point struct {
	Phase string `json:"phase"`
	Step  string `json:"step"`
	Call  string `json:"call"`
	Nth   int    `json:"nth"`
	What  string `json:"what"` // what the call was about in the recorded run
}

// name is the point as the engine writes and reads it.
func (p point) name() string { return fmt.Sprintf("%s\t%s\t%s\t%d", p.Phase, p.Step, p.Call, p.Nth) }

func (p point) String() string {
	return fmt.Sprintf("%s, %s, %s %d", p.Phase, p.Step, p.Call, p.Nth)
}

// changing is what differs from one run to the next in what a call is about.
var changing = regexp.MustCompile(`\d+\.\d+\.\d+-\d+-\d{8}T\d{6}\.\d{3}Z|-\d+-\d{6,}|/proc/\S+`)

// parseTrace reads the trace of a recorded run.
func parseTrace(trace string) ([]point, error) {
	var found []point
	for line := range strings.Lines(trace) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(f) < 5 {
			return nil, fmt.Errorf("a line of the trace has %d fields: %q", len(f), line)
		}
		nth, err := strconv.Atoi(f[3])
		if err != nil {
			return nil, fmt.Errorf("a line of the trace: %w: %q", err, line)
		}
		what := changing.ReplaceAllString(f[4], "*")
		if len(what) > 80 {
			what = what[:77] + "..."
		}
		found = append(found, point{Phase: f[0], Step: f[1], Call: f[2], Nth: nth, What: what})
	}
	return found, nil
}

// way is how the engine dies at a point.
type way string

const (
	killed way = "kill -9" // the engine alone; systemd starts it again
	cut    way = "power"   // the whole machine, with what was not synced
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
}

var forward = scenario{name: "forward", ends: isNew}

var back = scenario{name: "back", where: "back", ends: isOld,
	spoil: `mkdir -p /etc/systemd/system/cloudify-restservice.service.d
printf '[Service]\nExecStartPre=/bin/sh -c "! grep -q wsgi /usr/lib/systemd/system/cloudify-restservice.service"\n' > /etc/systemd/system/cloudify-restservice.service.d/90-test.conf
systemctl daemon-reload`}

// unprepare makes a migration of prepare fail: the product serves all the time. Its
// database takes long to start, as a large one does after a power cut.
var unprepare = scenario{name: "back from prepare", where: "back", ends: isOld,
	spoil: `su postgres -c "psql -XAtq -d cloudify_db" <<'SQL'
create function refuse() returns event_trigger language plpgsql as $$ begin raise exception 'broken on purpose'; end $$;
create event trigger refuse on ddl_command_end when tag in ('CREATE TRIGGER') execute function refuse()
SQL
mkdir -p /etc/systemd/system/postgresql@15-main.service.d
printf '[Service]\nExecStartPre=/bin/sleep 6\n' > /etc/systemd/system/postgresql@15-main.service.d/90-slow.conf
systemctl daemon-reload`}

// must says which side the rule leads to from a point. The journal's record of a
// new phase has reached the disk when its rename has; a power cut right after it
// may lose it or not.
func (s scenario) must(p point) side {
	if s.ends == isOld {
		return isOld
	}
	between := p.Step == "after expand the schema" || p.Step == "after start the services"
	if between && p.Call == "fsync" && p.Nth > 1 {
		return either
	}
	if p.Phase == "switch" || strings.HasPrefix(p.Phase, "back") {
		return isOld
	}
	return isNew
}
