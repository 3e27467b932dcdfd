package upgrade

import (
	"fmt"
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
	list("prepare", "The product serves.", prepare)
	list("switch", "The product does not serve from step 2 on.", toNew)
	list("commit", "One durable record, the point of no return: the file systems are synced, then the journal says `open`.", nil)
	list("open", "The product serves from step 1 on.", open)
	list("back, from prepare", "The product serves.", unprepare)
	list("back, from the switch, before the window is marked", "The services were not stopped: the work for whose end the drain waited goes on. The product serves from step 2 on.", reopen)
	list("back, from the switch", "The product serves from step 8 on. The whole way is tried three times before a person is asked.", toOld)
	return b.String()
}
