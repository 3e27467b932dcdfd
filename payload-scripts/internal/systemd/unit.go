package systemd

import (
	"context"
	"fmt"
	"slices"
	"time"

	sd "github.com/coreos/go-systemd/v22/dbus"

	"onerpm/internal/unit"
)

// Unit is what systemd tells of one. What a systemd of the host's age does not know is empty.
type Unit struct {
	Name     string // full; of an alias, the unit's own
	Load     string // LoadState: loaded, not-found, masked, bad-setting, error
	Active   string // ActiveState: active, reloading, inactive, failed, activating, deactivating, ...
	File     string // UnitFileState, as systemctl is-enabled tells it: enabled, enabled-runtime, static, masked, ...
	Fragment string // path of the file it was loaded from
	DropIns  []string

	TriggeredBy []string // units that start it: sockets, timers, paths
	Triggers    []string // units that it starts, being one of those
	StopsWithIt []string // units that systemd stops when it is stopped
	Conditions  []Condition
	NeedsReload bool // its files were changed since systemd read them
	Refuses     bool // it must not be started or stopped by name (RefuseManualStart=, RefuseManualStop=)
}

// Condition is one of a unit's conditions (systemd.unit(5)). Those with "|" are
// alternatives, of which one must hold; each of the others must.
type Condition struct {
	Kind        string // e.g. "ConditionPathExists"
	Alternative bool   // "|"
	Negated     bool   // "!"
	Parameter   string
}

// Serves reports whether a unit in that state does its work: one that reads its
// configuration again goes on serving.
func Serves(activeState string) bool {
	return activeState == "active" || activeState == "reloading" || activeState == "refreshing"
}

// Down reports whether a unit in that state has ended.
func Down(activeState string) bool { return activeState == "inactive" || activeState == "failed" }

// stopsWith are the properties that name the units which are stopped with one.
var stopsWith = []string{"RequiredBy", "RequisiteOf", "BoundBy", "ConsistsOf", "PropagatesStopTo"}

// Unit looks at a unit; systemd loads it for that when it has not.
func (c *Conn) Unit(ctx context.Context, name string) (Unit, error) {
	u := Unit{Name: unit.Name(name)}
	var all map[string]any
	err := c.do(ctx, "Unit", func(ctx context.Context, conn *sd.Conn) (err error) {
		all, err = conn.GetUnitPropertiesContext(ctx, u.Name)
		return err
	})
	if err != nil {
		return Unit{}, fmt.Errorf("ask systemd for %s: %w", u.Name, err)
	}
	text := func(key string) string { s, _ := all[key].(string); return s }
	list := func(key string) []string { s, _ := all[key].([]string); return s }
	u.Load, u.Active, u.File, u.Fragment = text("LoadState"), text("ActiveState"), text("UnitFileState"), text("FragmentPath")
	u.DropIns, u.TriggeredBy, u.Triggers = list("DropInPaths"), list("TriggeredBy"), list("Triggers")
	if id := text("Id"); id != "" {
		u.Name = id
	}
	u.NeedsReload, _ = all["NeedDaemonReload"].(bool)
	for _, key := range []string{"RefuseManualStart", "RefuseManualStop"} {
		refuses, _ := all[key].(bool)
		u.Refuses = u.Refuses || refuses
	}
	for _, key := range stopsWith {
		u.StopsWithIt = append(u.StopsWithIt, list(key)...)
	}
	slices.Sort(u.StopsWithIt)
	u.StopsWithIt = slices.Compact(u.StopsWithIt)
	u.Conditions = conditions(all["Conditions"])
	return u, nil
}

// conditions reads the property of that name, of the type a(sbbsi).
func conditions(v any) []Condition {
	rows, _ := v.([][]any)
	var all []Condition
	for _, row := range rows {
		if len(row) < 4 {
			continue
		}
		var is Condition
		is.Kind, _ = row[0].(string)
		is.Alternative, _ = row[1].(bool)
		is.Negated, _ = row[2].(bool)
		is.Parameter, _ = row[3].(string)
		all = append(all, is)
	}
	return all
}

// Active is the ActiveState of a unit.
func (c *Conn) Active(ctx context.Context, name string) (string, error) {
	v, err := c.property(ctx, name, "ActiveState")
	state, _ := v.(string)
	return state, err
}

// FileState is the UnitFileState of a unit, "" when there is no such file.
func (c *Conn) FileState(ctx context.Context, name string) (string, error) {
	v, err := c.property(ctx, name, "UnitFileState")
	state, _ := v.(string)
	return state, err
}

func (c *Conn) property(ctx context.Context, name, property string) (any, error) {
	var value any
	err := c.do(ctx, property, func(ctx context.Context, conn *sd.Conn) error {
		p, err := conn.GetUnitPropertyContext(ctx, unit.Name(name), property)
		if err == nil {
			value = p.Value.Value()
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ask systemd for the %s of %s: %w", property, unit.Name(name), err)
	}
	return value, nil
}

// Between is the time from one of a unit's timestamps (microseconds since boot,
// e.g. "InactiveExitTimestampMonotonic") to a later one, 0 when there is none.
func (c *Conn) Between(ctx context.Context, name, from, to string) (time.Duration, error) {
	var at [2]uint64
	for i, property := range []string{from, to} {
		v, err := c.property(ctx, name, property)
		if err != nil {
			return 0, err
		}
		at[i], _ = v.(uint64)
	}
	if at[0] == 0 || at[1] < at[0] {
		return 0, nil
	}
	return time.Duration(at[1]-at[0]) * time.Microsecond, nil
}

// Reload makes systemd read its unit files again.
func (c *Conn) Reload(ctx context.Context) error {
	err := c.do(ctx, "Reload", func(ctx context.Context, conn *sd.Conn) error { return conn.ReloadContext(ctx) })
	if err != nil {
		return fmt.Errorf("make systemd read its unit files: %w", err)
	}
	return nil
}

// Enable puts a unit into the boot, as its [Install] section says; until the next
// boot only when runtime is set.
func (c *Conn) Enable(ctx context.Context, name string, runtime bool) error {
	err := c.do(ctx, "EnableUnitFiles", func(ctx context.Context, conn *sd.Conn) error {
		_, _, err := conn.EnableUnitFilesContext(ctx, []string{unit.Name(name)}, runtime, true)
		return err
	})
	if err != nil {
		return fmt.Errorf("put %s into the boot: %w", unit.Name(name), err)
	}
	return nil
}

// Disable takes a unit out of the boot. One whose file is gone is out of it: systemd, which
// keeps what it has read until its next reload, may call it enabled still.
func (c *Conn) Disable(ctx context.Context, name string, runtime bool) error {
	err := c.do(ctx, "DisableUnitFiles", func(ctx context.Context, conn *sd.Conn) error {
		_, err := conn.DisableUnitFilesContext(ctx, []string{unit.Name(name)}, runtime)
		if errorName(err) == "org.freedesktop.systemd1.NoSuchUnit" {
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("take %s out of the boot: %w", unit.Name(name), err)
	}
	return nil
}
