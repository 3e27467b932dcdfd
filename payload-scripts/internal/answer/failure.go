package answer

import (
	"onerpm/internal/redact"
	"onerpm/payload-scripts/internal/advice"
)

// Failure is told in place of a command's answer when the command itself could not do its work, or would not. An
// upgrade that failed is none: its report tells that.
type Failure struct {
	Failed   string `json:"failed"`    // what failed, as it was typed behind the command's name: "agents start"
	Why      string `json:"why"`       // why it failed
	Do       string `json:"do"`        // what to do about it
	ExitCode int    `json:"exit_code"` // exit code of the command, as documented
}

// FailureOf is the answer for an error. What to do is taken from the error, and else is what can always be done.
func FailureOf(failed string, err error, always string, code int) Failure {
	why, do := advice.Of(err)
	if do == "" {
		do = always
	}
	return Failure{Failed: failed, Why: redact.Prose(why), Do: redact.Prose(do), ExitCode: code}
}
