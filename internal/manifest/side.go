package manifest

import (
	"fmt"
	"time"
)

// Side is one of the two states a machine may end in.
type Side string

// The two sides. There is no third.
const (
	Old Side = "old"
	New Side = "new"
)

// UnmarshalText accepts "old" and "new".
func (s *Side) UnmarshalText(b []byte) error {
	switch v := Side(b); v {
	case Old, New:
		*s = v
		return nil
	default:
		return fmt.Errorf("%q is neither old nor new", b)
	}
}

// Duration is a time.Duration that is written as "90s" or "5m".
type Duration time.Duration

// D returns d as the standard library's type.
func (d Duration) D() time.Duration { return time.Duration(d) }

// MarshalText writes d the way time.Duration prints it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads; a negative duration is an error.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("%q is no duration such as 500ms, 60s or 5m", b)
	}
	if v < 0 {
		return fmt.Errorf("%q is negative", b)
	}
	*d = Duration(v)
	return nil
}

// Set returns the package set of a side.
func (m *Manifest) Set(s Side) []Package {
	if s == Old {
		return m.Old
	}
	return m.New
}

// UnitFile is the path in the bundle of the systemd unit that runs the engine.
func (m *Manifest) UnitFile() string { return "unit/" + m.Prefix + ".service" }
