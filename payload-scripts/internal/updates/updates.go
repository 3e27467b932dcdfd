// Package updates keeps yum's and dnf's updates from undoing an upgrade: a package whose version went backwards would
// be "updated" to the release before by the next `dnf upgrade` where a repository still has that. They are told to leave
// those versions out, in the configuration file that yum, dnf, dnf5 and PackageKit read. It promises that the admin's
// own part of that file stays as it is, and that what was written for one release goes when it is not wanted any more.
package updates

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/programs"
)

// largest is how many bytes of a configuration file are read; a real one has a few hundred.
const largest = 1 << 20

// Excluded is what the configuration file has of ours.
type Excluded struct {
	File     string   `json:"file"`     // on the host, e.g. /etc/dnf/dnf.conf
	Patterns []string `json:"patterns"` // name-epoch:version-release.*, as yum and dnf have them (yum.conf(5), dnf.conf(5))
	Line     bool     `json:"line"`     // the line that has them was not there before
}

// Higher returns patterns for the versions that other releases of the product have of the new release's packages and that
// yum and dnf would take for newer, sorted.
func Higher(m *manifest.Manifest) []string {
	var patterns []string
	for _, p := range m.Set(manifest.New) {
		for _, release := range m.Known {
			for _, k := range release.Packages {
				if k.Name == p.Name && nevra.CompareEVR(k.EVR, p.EVR()) > 0 {
					patterns = append(patterns, k.Name+"-"+k.EVR+".*")
				}
			}
		}
	}
	slices.Sort(patterns)
	return slices.Compact(patterns)
}

// Host is a host's package manager.
type Host struct {
	Root   string // put before every path of the host; "" but in tests
	Record string // file that has what was excluded, as seen from outside of Root
}

// Excluded returns what was excluded last; no patterns when nothing is.
func (h Host) Excluded() (Excluded, error) {
	var e Excluded
	data, err := host.ReadFile(h.Record, largest)
	if errors.Is(err, os.ErrNotExist) {
		return e, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &e)
	}
	if err != nil {
		return Excluded{}, fmt.Errorf("read what updates leave out: %s: %w", h.Record, err)
	}
	return e, nil
}

// Exclude has updates leave out these patterns and no others of ours. It may be done again, also after it was cut short.
func (h Host) Exclude(patterns []string) error {
	before, err := h.Excluded()
	if err != nil {
		return err
	}
	file := h.config()
	if file == "" {
		file = before.File
	}
	if before.File != "" && before.File != file { // the host has another package manager since, as dnf in yum's place
		if err := h.write(before, before.File, nil); err != nil {
			return err
		}
		before = Excluded{}
	}
	if file == "" || len(before.Patterns) == 0 && len(patterns) == 0 {
		return nil
	}
	return h.write(before, file, patterns)
}

// write puts these patterns into the file, in the place of those that it had before.
func (h Host) write(before Excluded, file string, patterns []string) error {
	path, _, err := host.Resolve(h.Root, file) // where it is a link the file itself is written
	if err != nil {
		return fmt.Errorf("have updates leave out packages: %w", err)
	}
	if err := host.Sweep(path); err != nil { // of a write that was cut short
		return fmt.Errorf("have updates leave out packages: %w", err)
	}
	old, attr, err := read(path)
	if err != nil {
		return fmt.Errorf("have updates leave out packages: %w", err)
	}
	text := remove(old, before.Patterns, before.Line)
	after := Excluded{File: file}
	after.Patterns = slices.DeleteFunc(slices.Clone(patterns), func(p string) bool { return has(text, p) }) // the admin's own
	if len(after.Patterns) > 0 {
		text, after.Line = add(text, key(file), after.Patterns)
	}
	// Both are noted while the file may have either: what is cut short here is taken out by the next.
	both := Excluded{file, slices.Compact(slices.Sorted(slices.Values(slices.Concat(before.Patterns, after.Patterns)))), before.Line || after.Line}
	if err := h.note(both); err != nil {
		return err
	}
	if text != old {
		if err := host.WriteFile(path, []byte(text), attr); err != nil {
			return fmt.Errorf("have updates leave out packages: %w", err)
		}
	}
	return h.note(after)
}

// note makes durable what the configuration file has of ours.
func (h Host) note(e Excluded) error {
	if len(e.Patterns) == 0 {
		return host.Remove(h.Record)
	}
	data, err := json.MarshalIndent(e, "", " ")
	if err == nil {
		err = host.WriteFile(h.Record, append(data, '\n'), host.Attr{Mode: 0o600})
	}
	if err != nil {
		return fmt.Errorf("note what updates leave out: %w", err)
	}
	return nil
}

// config is the file that the host's package manager reads; "" on a host that has none.
func (h Host) config() string {
	for _, file := range []string{"/etc/dnf/dnf.conf", "/etc/yum.conf"} {
		if _, err := os.Stat(filepath.Join("/", h.Root, file)); err == nil {
			return file
		}
	}
	if h.Root == "" && (programs.Exists("dnf") || programs.Exists("dnf5") || programs.Exists("microdnf")) {
		return "/etc/dnf/dnf.conf" // which need not be there
	}
	return ""
}

// key is the option's name: yum knows the older one alone.
func key(file string) string {
	if strings.Contains(file, "dnf") {
		return "excludepkgs"
	}
	return "exclude"
}

// read returns a configuration file's text and attributes; of one that is not there, what a new one has.
func read(path string) (string, host.Attr, error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", host.Attr{Mode: 0o644}, nil
	}
	if err != nil {
		return "", host.Attr{}, err
	}
	data, err := host.ReadFile(path, largest)
	return string(data), host.AttrOf(info), err
}
