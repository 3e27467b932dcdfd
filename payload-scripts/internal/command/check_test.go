package command

import (
	"os"
	"slices"
	"strings"
	"testing"

	"onerpm/payload-scripts/internal/answer"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/preflight"
)

// secondary is what the checks would find on a machine between two releases: to follow that advice would open the door of
// half a product.
func secondary() []finding.Finding {
	return []finding.Finding{
		{ID: "unit-not-running", Level: finding.Warn, What: "nginx does not run", Do: "start it: systemctl start nginx"},
		{ID: "packages-differ", Level: finding.Refuse, What: "they differ", Do: "install exactly the packages of 4.1.1"},
	}
}

// TestCheck: what a check says, as a word and an exit code.
func TestCheck(t *testing.T) {
	warn := finding.Finding{ID: "excluded", Level: finding.Warn, What: "excluded", Do: "nothing"}
	for name, c := range map[string]struct {
		found []finding.Finding
		code  int
		want  answer.Judgement
		text  string
	}{
		"ready":         {nil, 0, answer.Ready, "ready: this machine can be upgraded from 4.1.1 to 4.2.0"},
		"warned":        {[]finding.Finding{warn}, 0, answer.Ready, "warn    excluded: excluded"},
		"refused":       {[]finding.Finding{warn, {ID: "no-room", Level: finding.Refuse}}, 3, answer.Refused, "refused: this machine cannot be upgraded"},
		"nothing to do": {[]finding.Finding{{ID: preflight.AlreadyNew, Level: finding.Refuse}}, 0, answer.NothingToDo, "nothing to do: this machine is 4.2.0 already"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.checks = func() []finding.Finding { return c.found }
			text, _ := w.run(c.code, "check")
			contains(t, text, c.text)
			out, _ := w.run(c.code, "check", "--json")
			if v := decode[answer.Verdict](t, out); v.Verdict != c.want || !slices.Equal(v.Findings, c.found) && len(c.found) > 0 || v.ID != "" {
				t.Errorf("%s", out)
			}
			if strings.Contains(out, "null") {
				t.Errorf("a list is null:\n%s", out)
			}
			if _, err := os.Stat(w.bundle.Places().Var()); err == nil {
				t.Error("a check has written something")
			}
		})
	}
}

// TestCheckOfAnUnfinishedUpgrade: one finding, the right one, and nothing of what the machine looks like in between.
func TestCheckOfAnUnfinishedUpgrade(t *testing.T) {
	running := func(r *journal.Record) { r.Phase = journal.Switching }
	for name, c := range map[string]struct {
		record func(*journal.Record) // of the newest attempt; nil for none
		word   string
		window bool
		code   int
		want   answer.Judgement
		id     string
	}{
		"at work":                   {running, attempt.Running, true, 7, answer.UnderWay, id},
		"needs a person":            {needsAPerson, attempt.NeedsAPerson, true, 5, answer.NeedsAPerson, id},
		"its state word is removed": {needsAPerson, "", true, 5, answer.NeedsAPerson, id},
		"no record of it":           {nil, "", true, 5, answer.NeedsAPerson, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.checks = func() []finding.Finding { t.Error("the machine was looked at"); return secondary() }
			if c.record != nil {
				w.attempt(id, c.record)
			}
			if c.word != "" {
				w.state(c.word)
			}
			if c.window {
				w.write(w.bundle.Places().Window(), "")
			}
			w.bundle.Manifest.To = "4.3.0" // the upgrade that has not ended may be another bundle's
			out, _ := w.run(c.code, "check", "--json")
			v := decode[answer.Verdict](t, out)
			if v.Verdict != c.want || v.ID != c.id || len(v.Findings) != 1 || v.Findings[0].ID != string(c.want) || v.Findings[0].Level != finding.Refuse {
				t.Errorf("%s", out)
			}
			text, _ := w.run(c.code, "check")
			contains(t, text, "refuse  "+string(c.want)+": ", strings.ReplaceAll(string(c.want), "-", " ")+": an upgrade")
			if strings.Contains(text, "systemctl") {
				t.Errorf("it advises to start services by hand:\n%s", text)
			}
			w.run(c.code, "rehearse", "--json")
		})
	}
}

// TestCheckOfAnUnreadableState: what is not known is not taken for ended, and nothing else is looked at.
func TestCheckOfAnUnreadableState(t *testing.T) {
	w := newWorld(t)
	w.checks = func() []finding.Finding { t.Error("the machine was looked at"); return nil }
	w.write(w.bundle.Places().Var(), "no folder")
	out, _ := w.run(3, "check", "--json")
	if v := decode[answer.Verdict](t, out); v.Verdict != answer.Refused || len(v.Findings) != 1 || v.Findings[0].ID != "check-failed" {
		t.Errorf("%s", out)
	}
}

// TestNothingToDo: on a machine that has the new release start, rehearse and wait say so, with exit code 0, and a wait that
// follows is not told of a refusal. It holds for a bundle that is only unpacked, of which nothing was ever noted here.
func TestNothingToDo(t *testing.T) {
	w := newWorld(t)
	w.checks = func() []finding.Finding { return []finding.Finding{{ID: preflight.AlreadyNew, Level: finding.Refuse}} }
	for _, args := range [][]string{{"check"}, {"start"}, {"rehearse"}, {"wait"}, {"start"}, {"wait"}} {
		out, _ := w.run(0, append(args, "--json")...)
		if v := decode[answer.Verdict](t, out); v.Verdict != answer.NothingToDo {
			t.Errorf("%v: %s", args, out)
		}
	}
	w.attempt(id, upgraded)
	w.run(0, "start")
	w.run(0, "installed", "--first")
	out, _ := w.run(0, "wait")
	contains(t, out, "done: Product is 4.2.0")
}

// TestStartOfWhatCannotBeResumed says with which program, or what is missing.
func TestStartOfWhatCannotBeResumed(t *testing.T) {
	w := newWorld(t)
	a := w.attempt(id, needsAPerson)
	w.bundle.Manifest.To = "4.3.0"
	if f := w.failure(exitNeedsPerson, "start", "--json"); f.Do != "run "+a.Run+"/bin/engine start" {
		t.Errorf("%+v", f)
	}
	lost := anotherWorld(t)
	lost.write(lost.bundle.Places().State(), attempt.NeedsAPerson+"\n")
	if f := lost.failure(exitNeedsPerson, "start", "--json"); !strings.Contains(f.Why, "there is no record of one") || !strings.Contains(f.Do, "from a backup") {
		t.Errorf("%+v", f)
	}
}
