package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxSize bounds an encoded manifest, in bytes.
const MaxSize = 16 << 20

// Decode reads a manifest and refuses whatever Encode would not have written:
// an unknown or doubled key, another order or spacing, anything after the end,
// more than MaxSize bytes, another Format, a path that leaves the bundle. So
// Encode of what Decode returns gives the bytes that were read.
func Decode(r io.Reader) (*Manifest, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	if len(b) > MaxSize {
		return nil, fmt.Errorf("read the manifest: more than %d bytes", MaxSize)
	}
	if err := checkFormat(b); err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	var m Manifest
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read the manifest: there is something after its end")
	}
	again, err := Encode(&m)
	if err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	if !bytes.Equal(again, b) {
		return nil, fmt.Errorf("read the manifest: line %d is not in canonical form (a doubled key, another order or spacing)", firstDifference(again, b))
	}
	return &m, nil
}

// checkFormat looks at the format alone, so that a bundle of another time is
// called that, and not by its first unknown key.
func checkFormat(b []byte) error {
	var v struct {
		Format *int `json:"format"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	if v.Format == nil {
		return errors.New("it has no format")
	}
	if *v.Format != Format {
		return fmt.Errorf("its format is %d and this program knows %d: use the program that came with it", *v.Format, Format)
	}
	return nil
}

// firstDifference returns the line, from 1, on which a and b differ first.
func firstDifference(a, b []byte) int {
	line := 1
	for i := 0; i < len(a) && i < len(b) && a[i] == b[i]; i++ {
		if a[i] == '\n' {
			line++
		}
	}
	return line
}
