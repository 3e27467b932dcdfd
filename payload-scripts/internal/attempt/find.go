package attempt

import (
	"os"

	"onerpm/payload-scripts/internal/layout"
)

// Known is an attempt that is on record.
type Known struct {
	layout.Attempt
	To      string // release that it leads to; "" when its journal cannot be read
	Started bool   // a start that was cut short is as good as none
}

// After returns the attempt that was started after one, "" when none was. It reads no journal, so that it may be asked often.
func After(p layout.Places, id string) string {
	current, err := os.Readlink(p.Current())
	if err != nil || current == id {
		return ""
	}
	return current
}

// Find returns the attempt with an id, false when there is none.
func Find(p layout.Places, id string) (Known, bool, error) {
	all, err := attempts(p)
	if err != nil {
		return Known{}, false, err
	}
	for _, s := range all {
		if s.ID == id {
			return Known{Attempt: p.At(id), To: s.To, Started: Started(p, p.At(id))}, true, nil
		}
	}
	return Known{}, false, nil
}
