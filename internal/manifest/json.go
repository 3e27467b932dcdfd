package manifest

import (
	"bytes"
	"encoding/json"
)

// JSON is a JSON value, without spaces between its parts. Numbers are kept as they are
// written.
type JSON []byte

// MarshalJSON returns v.
func (v JSON) MarshalJSON() ([]byte, error) { return json.RawMessage(v).MarshalJSON() }

// UnmarshalJSON keeps any JSON value.
func (v *JSON) UnmarshalJSON(b []byte) error {
	var compact bytes.Buffer
	if err := json.Compact(&compact, b); err != nil {
		return err
	}
	*v = compact.Bytes()
	return nil
}

// String is the value as it stands in a file.
func (v JSON) String() string { return string(v) }
