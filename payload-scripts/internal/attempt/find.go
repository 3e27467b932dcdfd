package attempt

import "onerpm/payload-scripts/internal/layout"

// Known is an attempt that is on record.
type Known struct {
	layout.Attempt
	To      string // release that it leads to; "" when its journal cannot be read
	Started bool   // a start that was cut short is as good as none
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
