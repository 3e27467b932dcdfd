package upgrade

import "context"

// confirm asks everything once more, right before the commit: what was started first may have died
// since, the door must be able to open, and the new release must not have changed the schema's own record.
func (u *Upgrade) confirm(ctx context.Context) error {
	if err := together(u.units.Confirm, u.schema.Confirm)(ctx); err != nil {
		return err
	}
	return u.door.StayedShut(ctx)
}
