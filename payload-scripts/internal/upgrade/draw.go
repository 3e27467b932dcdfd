package upgrade

import (
	"fmt"
	"slices"
	"strings"
)

// Draw writes the line as a page for docs/upgrade-states.md, from the very
// lists that are run.
func Draw() string {
	var b strings.Builder
	b.WriteString(`# The line of an upgrade

Made from the code by ` + "`go test ./payload-scripts/internal/upgrade -update`" + `; a test compares the two.

` + "```mermaid" + `
stateDiagram-v2
    direction LR
    [*] --> prepare
    prepare --> refused: preflight found something
    prepare --> switch
    prepare --> back: failure, rollback
    switch --> back: failure, rollback, kill, power cut
    switch --> open: commit
    open --> open: kill, power cut
    open --> upgraded
    back --> back: kill, power cut
    back --> rolled_back
    back --> needs_a_person: failed every time
    open --> needs_a_person: failed every time
    refused --> [*]
    upgraded --> [*]
    rolled_back --> [*]
    needs_a_person --> back: start, before the commit
    needs_a_person --> open: start, after it
` + "```" + `

| stopped in | goes on |
| --- | --- |
| prepare | starts prepare over |
| switch, before the commit is on disk | makes everything old |
| open, after the commit is on disk | forward |
| the way back | the way back, from its start |

Every step is idempotent: it may have run before, to any point. The journal on
disk has each step's begin and end.
`)
	list := func(title, when string, steps []step) {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", title, when)
		for i, s := range steps {
			fmt.Fprintf(&b, "%d. %s\n", i+1, s.name)
		}
	}
	serves := func(steps []step) string {
		door := slices.IndexFunc(steps, func(s step) bool { return s.name == "open the door" })
		return fmt.Sprintf("The product serves from step %d on.", door+1)
	}
	list("prepare", "The product serves.", prepare)
	list("switch", "The product does not serve from step 2 on.", toNew)
	list("commit", "One durable record, the point of no return: the file systems are synced, then the journal says `open`.", nil)
	list("open", serves(open), open)
	list("back, from prepare", "The product serves.", unprepare)
	list("back, from the switch, before the window is marked", "The services were not stopped: the work for whose end the drain waited goes on. "+serves(reopen), reopen)
	list("back, from the switch", serves(toOld)+" The whole way is tried three times before a person is asked.", toOld)
	return b.String()
}
