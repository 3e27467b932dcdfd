package migration

import (
	"time"

	"onerpm/payload-scripts/internal/database"
)

var (
	usualPatience  = database.Patience{Tries: 12, First: 500 * time.Millisecond, Most: 15 * time.Second} // the product serves meanwhile
	windowPatience = database.Patience{Tries: 6, First: 250 * time.Millisecond, Most: 2 * time.Second}   // nobody is served
	returnPatience = database.Patience{Tries: 25, First: 250 * time.Millisecond, Most: 5 * time.Second}  // there is no other way left
)
