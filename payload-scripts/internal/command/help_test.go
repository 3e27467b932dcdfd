package command

import (
	"strings"
	"testing"
)

// TestManualOfTheEngine: the man page and the completion have each of the engine's commands, and its flags.
func TestManualOfTheEngine(t *testing.T) {
	w := newWorld(t)
	page, _ := w.run(0, "man")
	completion, _ := w.run(0, "completion")
	for _, c := range commands() {
		if c.what == "" {
			continue
		}
		contains(t, page, "\n.B "+c.name+"\n")
		contains(t, completion, "    "+c.name+") words=")
	}
	contains(t, page, `\-\-dry\-run`, `\-\-lines`, "/etc/p/upgrade.conf")
	contains(t, completion, "agents) words='status start resume wait --json'", "clean) words='--all --dry-run --json'", "log) words='--follow --json --lines'")
	if strings.Contains(page, "checked") {
		t.Error("a flag that is not for people is in the man page")
	}
}
