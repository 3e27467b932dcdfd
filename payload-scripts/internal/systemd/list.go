package systemd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	sd "github.com/coreos/go-systemd/v22/dbus"

	"onerpm/internal/unit"
)

// Instances are the loaded instances of a template such as worker@.service, sorted.
func (c *Conn) Instances(ctx context.Context, template string) ([]string, error) {
	pattern := strings.Replace(template, "@.", "@*.", 1)
	var names []string
	err := c.do(ctx, "ListUnitsByPatterns", func(ctx context.Context, conn *sd.Conn) error {
		units, err := conn.ListUnitsByPatternsContext(ctx, nil, []string{pattern})
		if errorName(err) == "org.freedesktop.DBus.Error.UnknownMethod" { // before systemd 230
			units, err = conn.ListUnitsContext(ctx)
		}
		names = nil
		for _, u := range units {
			if unit.Template(u.Name) == template {
				names = append(names, u.Name)
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ask systemd for the instances of %s: %w", template, err)
	}
	slices.Sort(names)
	return names, nil
}
