// Package storehost reads what a store needs of the product's configuration on this host: where its
// source is, which the health question of its unit asks too, and the values that edits of documents put in.
package storehost

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"onerpm/internal/hostconf"
	"onerpm/internal/hostconf/connection"
	"onerpm/internal/hostconf/syntax"
	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
)

// Source is what the host's configuration says of a store. It may hold secrets.
type Source struct {
	Host   string                   `json:"host"`
	Port   uint16                   `json:"port"` // 0 for the usual one
	Values map[string]manifest.JSON `json:"values"`
}

// Read reads where a store's documents are, and the values that edits put in.
func Read(spec manifest.Store) (s Source, err error) {
	if s.Host, s.Port, err = Address(spec.From.Elasticsearch); err != nil {
		return s, err
	}
	s.Values, err = Values(spec.Values)
	return s, err
}

// maxConfig bounds a configuration file that is read, in bytes.
const maxConfig = 1 << 20

// Address reads an address from the product's file on this host: its host, which may
// be host:port, and its port, 0 for the usual one.
func Address(e manifest.HostAddress) (name string, port uint16, err error) {
	data, err := host.ReadFile(e.File, maxConfig)
	if err == nil {
		name, port, err = connection.Host(data, e)
	}
	if err != nil {
		return "", 0, fmt.Errorf("read an address from %s: %w", e.File, err)
	}
	return name, port, nil
}

// Values reads the host's values that edits put in. An error names file and key, never a value.
func Values(want map[string]manifest.HostValue) (map[string]manifest.JSON, error) {
	values := map[string]manifest.JSON{}
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(want)) {
		v, err := value(want[name])
		if err != nil {
			wrong = append(wrong, fmt.Errorf("read the value %s from %s: %w", name, want[name].File, err))
			continue
		}
		values[name] = v
	}
	return values, errors.Join(wrong...)
}

func value(w manifest.HostValue) (manifest.JSON, error) {
	d, err := parse(w.File, w.Format)
	if err != nil {
		return nil, err
	}
	if n := d.Root.OrMapping().Lookup(w.Key).Resolve(); w.As == manifest.AsBoolean && n != nil && n.Kind == syntax.Bool {
		return manifest.JSON(strconv.FormatBool(strings.EqualFold(n.Text, "true"))), nil
	}
	text, err := d.Text(w.Key)
	if err != nil {
		return nil, err
	}
	switch w.As {
	case manifest.AsInteger:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("the value %q is no whole number", w.Key)
		}
		return manifest.JSON(strconv.FormatInt(n, 10)), nil
	case manifest.AsBoolean:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return nil, fmt.Errorf("the value %q is neither true nor false", w.Key)
		}
		return manifest.JSON(strconv.FormatBool(b)), nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err = enc.Encode(text)
	return manifest.JSON(bytes.TrimSpace(b.Bytes())), err
}

func parse(file, format string) (*hostconf.Document, error) {
	data, err := host.ReadFile(file, maxConfig)
	if err != nil {
		return nil, err
	}
	return hostconf.Parse(format, data)
}
