// Package finding is what preflight tells: one thing about the host that stands
// in the way of the upgrade, or that an admin should know before it, and what was decided.
package finding

// Level says whether a finding stops the upgrade.
type Level string

// The levels.
const (
	Refuse Level = "refuse" // the upgrade does not start
	Warn   Level = "warn"   // it starts, the admin should know
	Note   Level = "note"   // nothing is the matter: what was decided, and by whom
)

// Finding is one result of a check. Its texts hold no secret.
type Finding struct {
	ID    string `json:"id"`    // stable, lower case with dashes, e.g. "packages-differ"
	Level Level  `json:"level"` // whether it stops the upgrade
	What  string `json:"what"`  // what was found, with names and figures
	Do    string `json:"do"`    // what to do about it; the command where there is one; "" for a note
}
