package line

import (
	"fmt"
	"strings"
)

// chapter is what the documentation says of a stage.
type chapter struct {
	stage       Stage
	title, when string
}

var chapters = []chapter{
	{Prepare, "prepare", "The product serves. What only the new release has comes first, packages and their services: a database of the new release may be " +
		"one of theirs. Then its schema, and then the first copy of the documents."},
	{Switch, "switch", "The product does not serve from the door's shutting on. What has the documents of a store goes on running until the second copy is proved to be all " +
		"of them. Files move after the packages: a new package may bring the folder that they move into. Units are put into the boot beside the migrations of the schema. Clients that came meanwhile " +
		"wait, where the spec says so: then the new release's door is tried while they do."},
	{Open, "open", "After the commit: the file systems are synced, then one durable record says `open`. The product serves from the opened door on. " +
		"Packages that the way back would have needed are erased last of what is the product's."},
	{Undo, "undo: back, from prepare", "The product serves all the time. What came early goes last: what it holds is undone first."},
	{Reopen, "reopen: back, from the switch before the services were touched", "The work for whose end the drain waited goes on. The product serves from the opened door on."},
	{Restore, "restore: back, from the switch", "The product does not serve. What has the documents starts when its packages and files are old again, and is held against what was noted " +
		"of it before anything that writes to it starts."},
	{Serve, "serve: after the way back's commit", "The file systems are synced, then one durable record says that everything is old. From then on nothing is stopped or restored any more: " +
		"clients may have been let in, and what they were told is done stays done. The product serves from the opened door on."},
}

// Draw writes the line as a page for docs/upgrade-states.md, from the very rules and
// lists that are run.
func (s Steps) Draw() string {
	t := transitions()
	var b strings.Builder
	b.WriteString("# The line of an upgrade\n\nMade from the code by `go test ./payload-scripts/internal/upgrade -update`; a test compares the two.\n\n" +
		"```mermaid\nstateDiagram-v2\n    direction LR\n    [*] --> prepare\n")
	name := func(s Stage) string { return strings.ReplaceAll(string(s), " ", "_") }
	for _, c := range chapters {
		for _, how := range []event{done, refused, failed, failedDown} {
			to, ok := t.next[c.stage][how]
			if !ok || how == failedDown && t.next[c.stage][failed] == to {
				continue
			}
			label := map[event]string{done: "done", refused: "refused, nothing changed", failed: "failure", failedDown: "failure"}[how]
			if t.revocable[c.stage] && (how == failed || how == failedDown) {
				label = "failure, rollback"
			}
			if c.stage == Switch && how == failed {
				label += " before the services are touched"
			}
			if t.mark[to].commit {
				label = "commit"
			}
			fmt.Fprintf(&b, "    %s --> %s: %s\n", name(c.stage), name(to), label)
		}
	}
	for _, end := range []Stage{upgraded, notBegun, rolledBack, needsAPerson} {
		fmt.Fprintf(&b, "    %s --> [*]\n", name(end))
	}
	fmt.Fprintf(&b, "```\n\nStopped by a kill or a power cut, an attempt is resumed from the journal, by systemd or at the next boot; one that needed a person, by `start`:\n\n"+
		"| the journal says | resumed in |\n| --- | --- |\n")
	for _, row := range t.resume {
		fmt.Fprintf(&b, "| %s | %s |\n", row, row.stage)
	}
	fmt.Fprintf(&b, "\nEvery step is idempotent: it may have run before, to any point. The journal on\ndisk has each step's begin and end. A stage that must succeed (%s) is gone through up to\n"+
		"%d times before a person is asked, and an attempt is resumed by at most %d engine processes.\n",
		strings.Join([]string{string(Open), string(Undo), string(Reopen), string(Restore), string(Serve)}, ", "), t.tried[Restore], t.starts)
	for _, c := range chapters {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", c.title, c.when)
		for i, step := range s[c.stage] {
			fmt.Fprintf(&b, "%d. %s\n", i+1, step.Name)
		}
	}
	return b.String()
}

// String tells a rule's condition in words.
func (r resumption) String() string {
	text := "phase " + string(r.phase)
	for _, fact := range []struct {
		is       is
		yes, not string
	}{
		{r.back, "going back", "not going back"},
		{r.touched, "services were touched", "services were not touched"},
		{r.restored, "everything is old", "not everything is old"},
	} {
		switch fact.is {
		case yes:
			text += ", " + fact.yes
		case no:
			text += ", " + fact.not
		}
	}
	return text
}
