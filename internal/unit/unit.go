// Package unit reads the names of systemd units, for both programs alike.
//
// A dot in a name does not make a suffix: postgresql-9.6 is the service
// postgresql-9.6.service. Only the kinds that systemd has are suffixes.
package unit

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// kinds are all that systemd has (systemd.unit(5)).
var kinds = []string{"service", "socket", "device", "mount", "automount", "swap", "target", "path", "timer", "slice", "scope"}

// started are the kinds that an upgrade stops and starts. The others belong to the
// machine or to the kernel.
var started = []string{"service", "socket", "target", "path", "timer"}

// maxName is the longest name that systemd takes, in bytes.
const maxName = 255

// Grammar is what a name may look like: a prefix and, of an instance, its name behind
// the "@". [Check] asks for more.
var Grammar = regexp.MustCompile(`^[0-9A-Za-z:_.\\-]+(@[0-9A-Za-z:_.\\@-]+)?$`)

// Name is the full name of a unit: a name without a kind's suffix is a service's.
func Name(name string) string {
	if _, kind := split(name); kind != "" {
		return name
	}
	return name + ".service"
}

// Kind is the kind of a unit, e.g. "service".
func Kind(name string) string {
	_, kind := split(Name(name))
	return kind
}

// Template is the full name of the template that an instance is made of:
// worker@.service of worker@1; "" for a unit that is no instance.
func Template(name string) string {
	stem, kind := split(Name(name))
	prefix, instance, is := strings.Cut(stem, "@")
	if !is || instance == "" {
		return ""
	}
	return prefix + "@." + kind
}

// Check says why a name cannot stand among the services of a jump.
func Check(name string) error {
	stem, kind := split(Name(name))
	switch {
	case name == "":
		return errors.New("it is empty")
	case len(Name(name)) > maxName:
		return fmt.Errorf("it is longer than the %d characters that systemd takes", maxName)
	case strings.HasSuffix(stem, "@"):
		return errors.New("it is a template: name its instances, e.g. " + stem + "1")
	case !Grammar.MatchString(stem):
		return errors.New(`a unit's name has letters, digits and : _ . - \ only, and an instance's name stands behind an "@"`)
	case !slices.Contains(started, kind):
		return fmt.Errorf("a %s is not started and stopped with a product: only units of these kinds are: %s", kind, strings.Join(started, ", "))
	case strings.HasSuffix(name, ".service"):
		return errors.New("it ends in .service: leave that out")
	}
	return nil
}

// split parts a name from the suffix of its kind, "" when it has none.
func split(name string) (stem, kind string) {
	at := strings.LastIndexByte(name, '.')
	if at < 0 || !slices.Contains(kinds, name[at+1:]) {
		return name, ""
	}
	return name[:at], name[at+1:]
}
