package attempt

import (
	"fmt"
	"os"
	"path/filepath"

	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/layout"
)

// Finding tells a check of an upgrade that has not ended; idle is why nothing works on it, "" when something does. It is
// all that a check may tell then: what it would find on a machine between two releases is the upgrade's own doing, and
// to mend that by hand could let clients in to half of a product.
func (s Standing) Finding(p layout.Places, idle string) finding.Finding {
	f := finding.Finding{ID: "needs-a-person", Level: finding.Refuse}
	const between = "; nothing else was looked at, as the machine may be between the two releases"
	resume := fmt.Sprintf("then run `%s start`, which goes on from where it stands; until then start no service of the product by hand", s.command(p))
	switch {
	case s.Word == Running && idle == "":
		return finding.Finding{ID: "under-way", Level: finding.Refuse, What: s.upgrade() + " is under way",
			Do: fmt.Sprintf("follow it with `%[1]s status --follow`, or wait for its end with `%[1]s wait`", s.command(p))}
	case s.Held:
		f.What = fmt.Sprintf("the product's units are held down by an upgrade (%s is there), of which there is no record", p.Window())
		f.Do = fmt.Sprintf("find out who removed it, and put %s and %s back from a backup of this machine; %s", p.Var(), p.Run(), resume)
	case s.ID == "":
		f.What = fmt.Sprintf("%s says that an upgrade has not ended (%q), and there is no record of one", p.State(), s.Word)
		f.Do = fmt.Sprintf("find out who removed it, and put %s and %s back from a backup of this machine; where no upgrade was ever run, remove %s", p.Var(), p.Run(), p.State())
	case s.Word == Running:
		f.What = fmt.Sprintf("%s was stopped half-way, in phase %s, and nothing works on it: %s%s", s.upgrade(), s.Phase, idle, between)
		f.Do = "remove that cause, " + resume
	default:
		f.What = s.upgrade() + " needs a person"
		if s.Error != "" {
			f.What += ", because: " + s.Error
		}
		f.What += between
		f.Do = fmt.Sprintf("see `%s report`, remove the cause, %s", s.command(p), resume)
	}
	return f
}

// upgrade names the newest attempt.
func (s Standing) upgrade() string {
	switch {
	case s.ID == "":
		return "an upgrade"
	case s.To == "":
		return "the upgrade " + s.ID
	}
	return fmt.Sprintf("the upgrade from %s to %s (%s)", s.From, s.To, s.ID)
}

// command is what an admin types to work with the newest attempt: the product's command where that is there and runs this
// attempt's own program, which it chooses by the state word.
func (s Standing) command(p layout.Places) string {
	if word, err := State(p); err == nil && (word == Running || word == NeedsAPerson) {
		if _, err := os.Stat(p.Command()); err == nil {
			return p.Prefix
		}
	}
	if s.ID == "" {
		return p.Prefix
	}
	return filepath.Join(p.At(s.ID).Run, "bin/engine")
}
