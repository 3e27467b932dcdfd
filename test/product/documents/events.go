package documents

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Types of documents in the daily indices.
const (
	eventType = "cloudify_event"
	logType   = "cloudify_log"
)

var entryTypes = []string{eventType, logType}

// addEntry takes an event or a log of an execution, as the worker and the agents send them.
func (p *Product) addEntry(execution string, d *deployment) {
	c := object{{"execution_id", execution}, {"workflow_id", "install"}}
	if d != nil {
		c = append(c, member{"blueprint_id", d.blueprint}, member{"deployment_id", d.id})
		if len(d.instances) > 0 && p.rng.IntN(2) == 0 {
			c = append(c, member{"node_id", pick(p.rng, d.instances).id}, member{"node_name", "vm"}, member{"operation", "cloudify.interfaces.lifecycle.start"},
				member{"plugin", "script"}, member{"task_id", p.uuid()}, member{"task_current_retries", 0})
		}
	}
	p.take(pick(p.rng, entryTypes), c, p.reported())
}

// take fills in a message for the context; logstash has it in memory then.
func (p *Product) take(kind string, c object, reported any) {
	at := p.now()
	tag, doc := "event", object{}
	if kind == logType {
		tag = "log"
		doc = append(doc, member{"logger", "vm_1a2b3.script_runner.tasks.run"}, member{"level", pick(p.rng, []any{"info", "error", "debug", nil})})
	} else {
		doc = append(doc, member{"event_type", pick(p.rng, []any{"workflow_started", "task_started", "task_failed", "workflow_node_event", "plugin_event", "an unknown one"})})
		if p.rng.IntN(4) == 0 {
			c = append(c, member{"task_error_causes", []any{object{{"type", "NonRecoverableError"}, {"message", pick(p.rng, texts)},
				{"traceback", "Traceback:\n  é"}, {"exit", pick(p.rng, []raw{"1", "1.0", "-0.0", "1.10"})}}}})
		}
	}
	doc = append(doc, member{"type", kind}, member{"context", c})
	if p.rng.IntN(20) > 0 {
		doc = append(doc, member{"message", p.message()})
	}
	if p.rng.IntN(3) > 0 {
		doc = append(doc, member{"message_code", nil})
	}
	if reported != missing {
		doc = append(doc, member{"timestamp", reported})
	}
	doc = append(doc, member{"tags", []any{tag, "_dateparsefailure"}}, member{"@version", "1"}, member{"@timestamp", stamp(at)})
	p.pending = append(p.pending, entry{day(at), kind, p.letters(idLetters, 20), doc})
}

func (p *Product) message() any {
	switch p.rng.IntN(8) {
	case 0:
		return object{{"text", nil}, {"arguments", nil}}
	case 1:
		return object{{"arguments", nil}}
	case 2, 3:
		return object{{"text", pick(p.rng, texts)}, {"arguments", nil}}
	case 4:
		if p.rng.IntN(8) == 0 {
			return object{{"text", large(p.rng, 100_000)}, {"arguments", nil}}
		}
	}
	return object{{"text", fmt.Sprintf("Task %d succeeded: 'script_runner.tasks.run'", p.rng.IntN(1000))}, {"arguments", object{{"a", 1}}}}
}

// missing is a field that is not there.
var missing any = struct{}{}

// everyTime are the forms in which a sender's time comes, given its clock.
var everyTime = []func(time.Time) any{
	func(t time.Time) any { return t.Format("2006-01-02 15:04:05.000") + "+0000" }, // local time with a false offset
	func(t time.Time) any { return t.Format("2006-01-02 15:04:05.000") },           // Riemann's, and agents of 3.1
	func(t time.Time) any { return t.Format("2006-01-02 15:04") + "+0000" },        // when there were no microseconds
	func(t time.Time) any { return t.Format("2006-01-02 15:04:05.000") + "W. Europe Daylight Time" },
	func(time.Time) any { return "one of these days" },
	func(time.Time) any { return missing },
	func(t time.Time) any { return t.Format("2006-01-02 15:04:05.000") + "+0200" },
	func(t time.Time) any { return t.Format("2006-01-02 15:04:05.000") + "-0530" },
	func(time.Time) any { return "2017-02-30 10:20:30.123+0000" },
	func(time.Time) any { return nil },
	func(time.Time) any { return "" },
}

// reported is a sender's time: mostly the usual form.
func (p *Product) reported() any {
	local := p.now().Add(p.zone)
	if p.rng.IntN(3) > 0 {
		return everyTime[0](local)
	}
	return pick(p.rng, everyTime)(local)
}

// addEveryTime takes an entry for each form of time.
func (p *Product) addEveryTime(context.Context) error {
	execution := pick(p.rng, p.executions)
	for _, kind := range entryTypes {
		for _, form := range everyTime {
			p.take(kind, object{{"execution_id", execution}}, form(p.now().Add(p.zone)))
		}
	}
	return nil
}

// addWithoutExecution takes what the policy engine sends, and others that name no execution or one that nobody knows.
func (p *Product) addWithoutExecution(context.Context) error {
	policy := object{{"deployment_id", "d"}, {"policy", "threshold"}, {"trigger", "heal"}}
	for _, kind := range entryTypes {
		for _, c := range []object{policy, {}, {{"execution_id", nil}}, {{"execution_id", ""}}, {{"execution_id", p.uuid()}}} {
			p.take(kind, c, p.reported())
		}
		p.take(kind, policy, p.reported())
		last := &p.pending[len(p.pending)-1]
		last.doc = last.doc.with("message", object{{"text", "a policy's"}, {"args", nil}}).without("context")
		// the policy engine's time has no zone and is UTC, and logstash takes it for the host's
		at := p.now()
		p.take(kind, policy, at.Format("2006-01-02 15:04:05.000"))
		last = &p.pending[len(p.pending)-1]
		last.index, last.doc = day(at.Add(-p.zone)), last.doc.with("@timestamp", stamp(at.Add(-p.zone)))
	}
	return nil
}

// addForeign is what the restoring of another manager's snapshot does: events and logs that were never here, of days that
// are long over, in today's index.
func (p *Product) addForeign(context.Context) error {
	for range 1 + p.rng.IntN(5) {
		p.addEntry(pick(p.rng, p.executions), nil)
		last := &p.pending[len(p.pending)-1]
		last.doc = last.doc.with("@timestamp", stamp(p.now().Add(-time.Duration(1+p.rng.IntN(1000))*time.Hour)))
	}
	return nil
}

func day(at time.Time) string   { return "logstash-" + at.Format("2006.01.02") }
func stamp(at time.Time) string { return at.Format("2006-01-02T15:04:05.000Z") }

// flush is what logstash does once in a second.
func (p *Product) flush(ctx context.Context) error {
	if len(p.pending) == 0 {
		return nil
	}
	if err := p.bulk(ctx, p.pending); err != nil {
		return err
	}
	p.written = append(p.written, p.pending...)
	p.pending = nil
	return nil
}

// restore is what the restoring of a snapshot does to events and logs: old ones are written into today's index,
// with their ids.
func (p *Product) restore(ctx context.Context) error {
	if err := p.flush(ctx); err != nil || len(p.written) == 0 {
		return err
	}
	today := day(p.now())
	var again []entry
	for range 8 {
		e := pick(p.rng, p.written)
		same := func(other entry) bool { return other.id == e.id && other.kind == e.kind }
		if e.index != today && !slices.ContainsFunc(again, same) {
			e.index = today
			again = append(again, e)
		}
	}
	if len(again) == 0 {
		return nil
	}
	p.written = append(p.written, again...)
	return p.bulk(ctx, again)
}

// AddBulk writes so many events and logs of the usual kind, spread over the last days before the clock's time: what a busy
// manager has in a month.
func (p *Product) AddBulk(ctx context.Context, n, days int) error {
	end := p.now()
	for done := 0; done < n; {
		var entries []entry
		for len(entries) < 1000 && done < n {
			at := end.Add(-time.Duration(days) * 24 * time.Hour * time.Duration(n-done) / time.Duration(n))
			kind := entryTypes[done%2]
			doc := object{{"type", kind}, {"context", object{{"execution_id", pick(p.rng, p.executions)}, {"workflow_id", "install"}, {"node_id", "vm_1a2b3"}, {"node_name", "vm"},
				{"operation", "cloudify.interfaces.lifecycle.start"}}}, {"message", object{{"text", fmt.Sprintf("Task %d succeeded: 'script_runner.tasks.run'", done)}, {"arguments", nil}}},
				{"message_code", nil}, {"timestamp", everyTime[0](at.Add(p.zone))}, {"tags", []any{"log", "_dateparsefailure"}}, {"@version", "1"},
				{"@timestamp", stamp(at)}}
			if kind == eventType {
				doc = append(doc, member{"event_type", "task_succeeded"})
			} else {
				doc = append(doc, member{"logger", "vm_1a2b3.script"}, member{"level", "info"})
			}
			entries = append(entries, entry{day(at), kind, p.letters(idLetters, 20), doc})
			done++
		}
		if err := p.bulk(ctx, entries); err != nil {
			return err
		}
	}
	return nil
}
