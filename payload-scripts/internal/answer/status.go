package answer

import (
	"onerpm/payload-scripts/internal/dbstate"
	"onerpm/payload-scripts/internal/upgrade"
)

// Status is the answer of status: the report as it is now, and how the product's databases stand.
type Status struct {
	upgrade.Report
	Databases []dbstate.State `json:"databases"` // each database of the bundle
}

// NoStatus is the answer of status where there is no upgrade to tell of.
type NoStatus struct {
	NotStarted
	Databases []dbstate.State `json:"databases"` // each database of the bundle
}
