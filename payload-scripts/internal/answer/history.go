package answer

import "onerpm/payload-scripts/internal/attempt"

// History is the answer of report --all: every upgrade of the product that was tried on the machine, with whichever bundle.
type History struct {
	Attempts []attempt.Past `json:"attempts"` // each of them, the oldest first
}

// HistoryOf is the answer about attempts.
func HistoryOf(all []attempt.Past) History { return History{list(all)} }
