package answer

import (
	"time"

	"onerpm/payload-scripts/internal/finding"
)

// Unstarted is the word for the outcome of an upgrade that never began.
type Unstarted string

// NotStartedWord is its only value.
const NotStartedWord Unstarted = "not-started"

// NotStarted is the answer of wait, report and status where there is no upgrade to tell of.
type NotStarted struct {
	ID       string            `json:"id,omitempty"`     // upgrade that was asked for, of which there is no record
	From     string            `json:"from"`             // release that the bundle starts from
	To       string            `json:"to"`               // release that it leads to
	Outcome  Unstarted         `json:"outcome"`          // that it was not started
	Refused  bool              `json:"refused"`          // whether findings stood in the way of the last installation or start
	Why      string            `json:"why"`              // why none was started
	Time     time.Time         `json:"time,omitzero"`    // when that was noted; there is none where nothing was ever tried
	Findings []finding.Finding `json:"findings"`         // what was found then
	Bundle   string            `json:"bundle,omitempty"` // package whose installation its gate has refused
	Before   string            `json:"before,omitempty"` // newest upgrade to that release before; report --id tells of it
}
