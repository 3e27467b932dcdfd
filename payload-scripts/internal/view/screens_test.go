package view

import (
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/agent"
	"onerpm/payload-scripts/internal/answer"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/config"
	"onerpm/payload-scripts/internal/estimate"
	"onerpm/payload-scripts/internal/files"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/line"
	"onerpm/payload-scripts/internal/rehearsal"
	"onerpm/payload-scripts/internal/stores"
	"onerpm/payload-scripts/internal/upgrade"
	"onerpm/payload-scripts/internal/window"
)

// began is when the attempt of the tests began, and now when somebody looks.
var (
	began = time.Date(2026, 3, 1, 1, 29, 0, 0, time.UTC)
	now   = at(1860)
)

func at(seconds float64) time.Time { return began.Add(time.Duration(seconds * float64(time.Second))) }

// The errors of an upgrade whose new release does not start, and whose way back finds a full disk.
const (
	startFails = `start the services: start calendar-restservice: systemd says "failed"
last lines of calendar-restservice:
  2026-03-01T02:31:07+0100 manager systemd[1]: Starting REST service...
  2026-03-01T02:31:08+0100 manager gunicorn[4711]: reading /opt/manager/calendar-rest.conf
  2026-03-01T02:31:08+0100 manager gunicorn[4711]: Traceback (most recent call last):
  2026-03-01T02:31:08+0100 manager gunicorn[4711]:   File "/opt/manager/env/lib/python2.7/site-packages/manager_rest/server.py", line 41, in <module>
  2026-03-01T02:31:08+0100 manager gunicorn[4711]: ImportError: No module named flask_restful_swagger
  2026-03-01T02:31:08+0100 manager systemd[1]: calendar-restservice.service: Main process exited, code=exited, status=3/NOTIMPLEMENTED
  2026-03-01T02:31:08+0100 manager systemd[1]: Failed to start REST service.`
	filesFail = "files to old: write /opt/manager/calendar-rest.conf: no space left on device; free space on that file system"
)

func step(phase journal.Phase, name string, from, to float64, failed string) journal.Step {
	return journal.Step{Phase: phase, Name: name, Began: at(from), Ended: at(to), Error: failed}
}

func back(s journal.Step) journal.Step {
	s.Back = true
	return s
}

// prepared are the steps of an attempt that came into the window.
var prepared = []journal.Step{
	step(journal.Preparing, "preflight", 0, 4.5, ""),
	step(journal.Preparing, "back up the databases", 4.5, 100.25, ""),
	step(journal.Preparing, "record the addresses of the databases", 100.25, 100.26, ""),
	step(journal.Switching, "shut the door", 125, 125.4, ""),
	step(journal.Switching, "stop the services", 125.4, 127, ""),
}

// attempted is an attempt as its record says, of which nothing else is known.
func attempted(change func(*journal.Record)) Screen {
	rec := journal.Record{ID: "4.2.0-1-20260301T012900.000Z", Number: 2, From: "4.1.1", To: "4.2.0", Revision: 1, Began: began, Phase: journal.Preparing, Starts: 1}
	change(&rec)
	return Screen{
		Record: rec, Command: "calendar-upgrade", Log: "/var/lib/calendar-upgrade/" + rec.ID + "/log", Backup: "/var/lib/calendar-upgrade/" + rec.ID + "/backup",
		Report: upgrade.Report{
			Product: "Calendar Manager", ID: rec.ID, From: rec.From, To: rec.To, Outcome: rec.Outcome, Phase: rec.Phase, Back: rec.Back, Began: rec.Began, Ended: rec.Ended,
			Closed: rec.Closed, Window: manifest.Duration(rec.Window()), Measured: rec.Probed && !rec.Reopened.IsZero(), Limit: manifest.Duration(time.Minute), Clients: rec.Clients,
			Failed: rec.Step, Error: rec.Error, Todo: rec.Todo, Warnings: rec.Warnings, Steps: rec.Steps,
		},
	}
}

// inWindow is an attempt whose services are down.
func inWindow(r *journal.Record) {
	r.Phase, r.Closed, r.Probed = journal.Switching, at(125), true
	r.Steps = append(r.Steps, prepared...)
}

// failedStart went back from the window because the new release did not start.
func failedStart(r *journal.Record) {
	inWindow(r)
	r.Back, r.Error, r.Step = true, startFails, "start the services"
	r.Steps = append(r.Steps, step(journal.Switching, "start the services", 130, 131.5, startFails))
}

func rolledBack(r *journal.Record) {
	failedStart(r)
	r.Outcome, r.Ended, r.Reopened, r.Restored = journal.RolledBack, at(141.5), at(139.25), true
	r.Steps = append(r.Steps, back(step(journal.Switching, "packages to old", 132, 136, "")), back(step(journal.Switching, "start the services", 136, 138, "")),
		back(step(journal.Switching, "open the door", 138, 139.3, "")))
}

// stuck needs a person on the way back.
func stuck(r *journal.Record) {
	failedStart(r)
	r.Outcome, r.Ended, r.Stopped, r.Todo = journal.NeedsAPerson, at(160), filesFail, "Neither release could be completed: "+filesFail
	for _, from := range []float64{132, 140, 148} {
		r.Steps = append(r.Steps, back(step(journal.Switching, "packages to old", from, from+2, "")), back(step(journal.Switching, "files to old", from+2, from+3, filesFail)))
	}
}

func upgraded(r *journal.Record) {
	inWindow(r)
	r.Phase, r.Outcome, r.Ended, r.Reopened = journal.Finished, journal.Upgraded, at(140), at(128.25)
	r.Clients = &journal.Clients{Taken: 12, Longest: 2900 * time.Millisecond}
	r.Warnings = []string{"version-lock: a version lock names calendar-rest-service; the upgrade is not held up by it"}
	r.Steps = append(r.Steps, step(journal.Opening, "open the door", 128, 128.3, ""))
}

// merged is what became of configuration files, with everybody who can decide.
var merged = []files.FileChange{
	{Target: "/etc/sysconfig/calendar-restservice", Did: files.Unchanged, Changes: []config.Change{}},
	{Target: "/opt/calendar-stage/conf/userConfig.json", Package: "%config(noreplace) of calendar-stage", Did: files.Merged, Changes: []config.Change{
		{Key: "pollingTimeSec", Kind: config.Kept, By: config.ByAdmin, From: "30", To: "30"},
		{Key: "maps.accessToken", Kind: config.Added, By: config.ByRelease, To: `""`},
		{Key: "port", Kind: config.Kept, By: config.BySettings, From: "8443", To: "8443"},
		{Key: "logo", Kind: config.Changed, By: config.ByPolicy, From: `"mine.png"`, To: `"/static/images/the-new-logo-of-the-release.png"`},
		{Key: "mode", Kind: config.Changed, By: config.BySet, From: `"main"`, To: `"customer"`},
	}},
	{Target: "/etc/logrotate.d/calendar-stage", Package: "%config(noreplace) of calendar-stage", Did: files.Updated, Changes: []config.Change{
		{Key: "line 3", Kind: config.Changed, By: config.ByRelease, From: "    rotate 7\n    daily", To: "    rotate 9\n    weekly"}}},
}

var found = []finding.Finding{
	{ID: "door-unanswered", Level: finding.Warn, What: "nginx lets clients in and does not answer as the bundle expects: GET http://127.0.0.1/api/v3.1/version: status 301, want 200",
		Do: "nothing if you gave it another address on purpose; otherwise look why it does not serve"},
	{ID: "config-own", Level: finding.Note, What: "/opt/calendar-stage/conf/userConfig.json: what was changed on this host stays, as 4.2.0 changes nothing of it: pollingTimeSec"},
	{ID: "config-decided", Level: finding.Note, What: `/opt/calendar-stage/conf/userConfig.json, port: this host's 8443 stays, as /etc/calendar-upgrade/upgrade.conf:7 decides`},
	{ID: "config-decided", Level: finding.Note, What: `/opt/calendar-stage/conf/userConfig.json, logo: this host's "mine.png" becomes "logo.png", as the bundle's policy decides`},
	{ID: "settings-other", Level: finding.Note, What: "/etc/calendar-upgrade/upgrade.conf:3 decides for the upgrade to 4.1.1, and nothing of this one to 4.2.0"},
}

var standing = []finding.Finding{
	{ID: "config-conflict", Level: finding.Refuse, What: "/etc/logrotate.d/calendar-stage, line 3: changed on this host and by 4.2.0, differently\n4.1.1: rotate 7\n4.2.0: rotate 9\nhere: rotate 5",
		Do: `decide it in /etc/calendar-upgrade/upgrade.conf: "conflict 4.2.0 /etc/logrotate.d/calendar-stage = old" keeps what is here, "= new" takes that of 4.2.0 (calendar-upgrade help settings)`},
	{ID: "settings", Level: finding.Refuse, What: "/etc/calendar-upgrade/upgrade.conf:5: conflict names no release, so it may have been decided for another upgrade",
		Do: `if it is meant for the upgrade to 4.2.0, write "conflict 4.2.0 /opt/manager/calendar-rest.conf:file_server_url = old" instead; otherwise remove the line`},
}

// screens are all that the view can print, by name.
func screens() map[string]func(Page) {
	state := func(change func(*journal.Record)) func(Page) {
		return func(p Page) { p.State(attempted(change)) }
	}
	stalled := func(change func(*journal.Record)) func(Page) {
		return func(p Page) {
			s := attempted(change)
			s.Stalled = "calendar-upgrade.service is failed (exit-code); systemd cannot run the program: a security policy (SELinux, fapolicyd) forbids it; see systemctl status calendar-upgrade.service"
			p.State(s)
		}
	}
	report := func(change func(*journal.Record), more func(*upgrade.Report)) func(Page) {
		return func(p Page) {
			s := attempted(change)
			more(&s.Report)
			p.State(s)
			p.Report(s)
		}
	}
	// looked is an attempt under way, looked at some seconds after its beginning, where a rehearsal says what to expect.
	looked := func(seconds float64, change func(*journal.Record)) func(Page) {
		return func(p Page) {
			p.Now = at(seconds)
			s := attempted(change)
			e := estimate.Estimate{At: at(-200000), Prepare: manifest.Duration(120 * time.Second), Window: manifest.Duration(3400 * time.Millisecond)}
			s.Report.Expected = e.Of(s.Record)
			p.State(s)
		}
	}
	running := func(phase journal.Phase, name string, from float64) func(*journal.Record) {
		return func(r *journal.Record) {
			r.Phase = phase
			r.Steps = append(r.Steps, journal.Step{Phase: phase, Name: name, Began: at(from), Back: r.Back})
		}
	}
	both := func(changes ...func(*journal.Record)) func(*journal.Record) {
		return func(r *journal.Record) {
			for _, change := range changes {
				change(r)
			}
		}
	}
	ended := func(o journal.Outcome, cause string) func(*journal.Record) {
		return func(r *journal.Record) { r.Outcome, r.Ended, r.Error = o, at(90), cause }
	}
	start := func(change func(*journal.Record)) func(Page) {
		return func(p Page) { p.Begun(attempted(change)) }
	}
	none := func(n answer.NotStarted, never bool) func(Page) {
		return func(p Page) { p.NotStarted("calendar-upgrade", n, never) }
	}
	agents := func(rec agent.Record) func(Page) {
		return func(p Page) { p.Agents("calendar-upgrade", rec) }
	}
	return map[string]func(Page){
		"person-down": state(stuck),
		"person-new": state(both(inWindow, func(r *journal.Record) {
			r.Phase, r.Outcome, r.Reopened = journal.Opening, journal.NeedsAPerson, at(128.25)
			r.Error = "keep the packages from updates: write /etc/dnf/dnf.conf: read-only file system; make that file system writable"
			r.Stopped = r.Error
		})),
		"person-old": state(both(failedStart, func(r *journal.Record) {
			r.Outcome, r.Restored, r.Reopened, r.Stopped = journal.NeedsAPerson, true, at(139.25), "take the marks away: remove /etc/systemd/system/nginx.service.d/~calendar-upgrade.conf: read-only file system"
		})),
		"person-prepare": state(func(r *journal.Record) {
			r.Outcome, r.Back, r.Error, r.Stopped = journal.NeedsAPerson, true, "expand the schema: apply migration 42001_expand_roles.sql, statement 1: ERROR: deadlock detected (SQLSTATE 40P01)",
				"schema to old: connect to the database manager: dial tcp 127.0.0.1:5432: connection refused"
		}),
		"person-starts": state(func(r *journal.Record) {
			r.Outcome, r.Starts = journal.NeedsAPerson, 12
			r.Error = "the engine was started 12 times and did not reach an end"
			r.Stopped = r.Error
		}),
		"person-told-before": state(both(stuck, func(r *journal.Record) {
			r.Stopped = ""
			r.Todo = "Neither release could be completed: " + filesFail + "\nRemove the cause, then run `calendar-upgrade start`: it resumes this attempt from where it stands.\nThe log is in /var/lib/calendar-upgrade/4.2.0-1-20260301T012900.000Z/log."
		})),
		"back":         state(rolledBack),
		"back-prepare": state(both(ended(journal.RolledBack, "expand the schema: apply migration 42001_expand_roles.sql, statement 1: ERROR: permission denied for schema public (SQLSTATE 42501)"), func(r *journal.Record) { r.Back = true })),
		"back-killed": state(both(rolledBack, func(r *journal.Record) {
			r.Error = `the engine was stopped in the step "packages to new", by a kill, a lack of memory or a loss of power`
		})),
		"back-unwell": state(both(ended(journal.RolledBack, `the engine was stopped in the step "expand the schema", by a kill, a lack of memory or a loss of power`), func(r *journal.Record) {
			r.Warnings = []string{window.NotWell + "calendar-mgmtworker does not serve: it is failed"}
		})),
		"back-asked": state(ended(journal.RolledBack, "drain: "+line.AskedBack)),
		"refused":    state(ended(journal.Refused, "preflight: /var/lib/pgsql has 1.2 GiB free, 3.4 GiB are needed for the dump of the database manager; free space on that file system (and 2 more)")),
		"done":       state(upgraded),

		"way-prepare": looked(41, running(journal.Preparing, "expand the schema", 12)),
		"way-turns": func(p Page) {
			p.Now = at(41)
			s := attempted(running(journal.Preparing, "expand the schema", 12))
			s.Wish = true
			p.State(s)
		},
		"way-late":        looked(181, running(journal.Preparing, "expand the schema", 12)),
		"way-unrehearsed": func(p Page) { p.Now = at(41); p.State(attempted(running(journal.Preparing, "expand the schema", 12))) },
		"way-begins":      looked(0.5, func(*journal.Record) {}),
		"way-switch":      looked(126.4, both(inWindow, running(journal.Switching, "packages to new", 126))),
		"way-switch-late": looked(131, both(inWindow, running(journal.Switching, "packages to new", 126))),
		"way-over":        looked(200, both(inWindow, running(journal.Switching, "packages to new", 126))),
		"way-open":        looked(129, both(inWindow, running(journal.Opening, "take the marks away", 128.5), func(r *journal.Record) { r.Reopened = at(128.25) })),
		"way-back":        looked(136, both(failedStart, running(journal.Switching, "packages to old", 132))),

		"stalled-down":    stalled(both(inWindow, running(journal.Switching, "packages to new", 126))),
		"stalled-serving": stalled(running(journal.Preparing, "expand the schema", 12)),

		"report-back": report(rolledBack, func(r *upgrade.Report) {
			r.Changes = merged
			r.Stores = map[string]stores.Note{"storage": {Returned: true}}
		}),
		"report-person": report(stuck, func(*upgrade.Report) {}),
		"report-done": report(upgraded, func(r *upgrade.Report) {
			r.Changes, r.Excluded = merged, "yum and dnf leave out these versions from now on: calendar-amqp-influx-0:17.6.30-community.*"
			r.Stores = map[string]stores.Note{"storage": {Documents: 1200, Rows: map[string]int64{"events": 1000, "logs": 180}, Left: []string{"20 without a place: history"}}}
		}),

		"check-ready": func(p Page) { p.Check("ready: this machine can be upgraded from 4.1.1 to 4.2.0", false, found) },
		"check-refused": func(p Page) {
			p.Check("refused: this machine cannot be upgraded from 4.1.1 to 4.2.0 as it is; nothing was changed", true, append(found[:2:2], standing...))
		},

		"start":         start(func(r *journal.Record) { r.Starts = 0 }),
		"start-back":    start(both(stuck, func(r *journal.Record) { r.Outcome = journal.Running })),
		"start-forward": start(both(inWindow, func(r *journal.Record) { r.Phase = journal.Opening })),

		"none":         none(answer.NotStarted{To: "4.2.0", Why: "no upgrade to 4.2.0 was started on this machine"}, true),
		"none-of-id":   none(answer.NotStarted{ID: "4.2.0-1-x", To: "4.2.0", Why: "there is no upgrade 4.2.0-1-x on record on this machine"}, false),
		"none-refused": none(answer.NotStarted{To: "4.2.0", Refused: true, Why: "it was refused when its package was installed", Time: at(-60), Findings: append(found[:1:1], standing...), Before: past[3].ID}, false),
		"none-gate": none(answer.NotStarted{To: "4.3.0", Refused: true, Bundle: "calendar-upgrade-4.3.0", Why: "an upgrade of this host to 4.2.0 has stopped and needs a person", Time: at(-60),
			Before: past[3].ID}, false),

		"summary": func(p Page) { p.Summary(answer.SummaryOf(attempted(rolledBack).Report, "calendar-upgrade", "")) },

		"start-wish": func(p Page) {
			s := attempted(running(journal.Preparing, "expand the schema", 12))
			s.Wish = true
			p.Begun(s)
		},

		"history":      func(p Page) { p.History("Calendar Manager", "/var/lib/calendar-upgrade", past) },
		"history-none": func(p Page) { p.History("Calendar Manager", "/var/lib/calendar-upgrade", nil) },

		"rehearsal": func(p Page) { p.Rehearsal(rehearsed(func(*rehearsal.Report) {})) },
		"rehearsal-back": func(p Page) {
			p.Rehearsal(rehearsed(func(r *rehearsal.Report) {
				r.Problems = []string{"database manager: apply migration 42051_switch_roles.sql, statement 3: ERROR: duplicate key value violates unique constraint \"roles_pkey\" (SQLSTATE 23505)"}
			}))
		},
		"rehearsal-untried": func(p Page) {
			p.Rehearsal(rehearsed(func(r *rehearsal.Report) {
				r.Untried = []string{"database manager: the migrations cannot be tried on a copy: no initdb of PostgreSQL 9.5 is here; rehearse on the host of its server"}
			}))
		},

		"clean": func(p Page) {
			p.Cleaned("calendar-upgrade", []attempt.Leftover{{ID: past[0].ID, What: "everything of it (upgraded, ended 2025-11-05 08:44 CET)", Paths: []string{"/opt/calendar-upgrade/run/" + past[0].ID, "/var/lib/calendar-upgrade/" + past[0].ID},
				Behind: []string{"/srv/backups"}}}, Freed{Bytes: 300 << 20, Pending: past[1].ID})
		},
		"clean-dry": func(p Page) {
			p.Cleaned("calendar-upgrade", []attempt.Leftover{{ID: past[0].ID, What: "everything of it", Paths: []string{"/var/lib/x"}}}, Freed{Bytes: 1, DryRun: true})
		},
		"clean-none": func(p Page) { p.Cleaned("calendar-upgrade", nil, Freed{}) },

		"agents-stopped": agents(agent.Record{State: agent.Stopped, Why: "3 of 12 groups failed, and no more than 2 may:\ndeployment-3 of default_tenant: work 12f: no such agent", LeftOut: 2}),
		"agents-pending": agents(agent.Record{State: agent.Pending, Why: "there is no /etc/calendar-upgrade/credentials; write it, then run `calendar-upgrade agents start`"}),
		"agents-done":    agents(agent.Record{State: agent.Done}),
	}
}

var past = []attempt.Past{
	{ID: "4.1.1-1-20251101T220000.000Z", From: "4.0.1", To: "4.1.1", Outcome: journal.Upgraded, Began: at(-1e7), Ended: at(-1e7 + 100), Closed: at(-1e7 + 80), Reopened: at(-1e7 + 83.5)},
	{ID: "4.2.0-1-20260228T230000.000Z", From: "4.1.1", To: "4.2.0", Outcome: journal.Refused, Began: at(-9000), Ended: at(-8995), Error: "preflight: no room"},
	{ID: "4.2.0-1-20260228T233000.000Z", Outcome: journal.NeedsAPerson, Unreadable: true},
	{ID: "4.2.0-1-20260301T000000.000Z", From: "4.1.1", To: "4.2.0", Outcome: journal.RolledBack, Began: at(-5340), Ended: at(-5200), Closed: at(-5240), Reopened: at(-5225.75), Error: startFails},
	{ID: "4.2.0-1-20260301T010000.000Z", From: "4.1.1", To: "4.2.0", Outcome: journal.NeedsAPerson, Began: at(-1740), Ended: at(-1600), Closed: at(-1650), Error: filesFail},
	{ID: "4.2.0-1-20260301T012900.000Z", From: "4.1.1", To: "4.2.0", Began: at(0)},
}

func rehearsed(change func(*rehearsal.Report)) *rehearsal.Report {
	d := func(s float64) manifest.Duration { return manifest.Duration(s * float64(time.Second)) }
	r := &rehearsal.Report{
		Product: "Calendar Manager", From: "4.1.1", To: "4.2.0", Took: d(96), Findings: found[:2],
		Databases: []rehearsal.Database{{Name: "manager", Rows: 1200345, Copy: d(61.5), Expand: d(1.25), Switch: d(0.75), Back: d(0.5)}},
		Stores:    []rehearsal.Store{{Name: "storage", Documents: 1200, Rows: 1180, First: d(12), Second: d(0.4), Left: []string{"20 without a place: history"}}},
		Changes:   merged, Prepare: d(75.25), Window: d(3.4), Limit: d(60),
		Parts: []rehearsal.Part{{Name: "marks and systemd's reloads", Takes: d(1), How: rehearsal.Assumed}, {Name: "store storage, what was written meanwhile", Takes: d(0.4), How: rehearsal.Measured},
			{Name: "units without a question stay up", Takes: d(2), How: rehearsal.Remembered}},
	}
	change(r)
	return r
}
