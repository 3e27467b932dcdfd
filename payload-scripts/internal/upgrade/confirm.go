package upgrade

import (
	"context"
	"fmt"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
)

// confirm asks everything once more, right before the commit: what was started first may have died
// since, the door must be able to open, and the new release must not have changed the schema's own record.
func (u *Upgrade) confirm(ctx context.Context) error {
	if err := u.units.Confirm(ctx); err != nil {
		return err
	}
	err := u.schema.each(ctx, func(db *database.DB, spec manifest.Database) error {
		if err := db.Proves(ctx, spec.Becomes); err != nil {
			return fmt.Errorf("with the new release's services running the schema is not what it must be: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return u.door.StayedShut(ctx)
}
