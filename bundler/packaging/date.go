package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Both RPM and Debian take these versions, and sort them alike; "-" would end the version in both.
var aVersion = regexp.MustCompile(`^[0-9][0-9A-Za-z.+~]*$`)

func checkVersion(version string) error {
	if !aVersion.MatchString(version) {
		return fmt.Errorf("%q is no version: a digit, and then letters, digits and .+~", version)
	}
	return nil
}

// date is that of everything in the release: epoch, when it is given, in seconds since 1970; or else that of the heading
// "## VERSION - YYYY-MM-DD" in the changes. What stands behind "+" is no part of the heading.
func date(changes, version, epoch string) (time.Time, error) {
	if epoch != "" {
		n, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil || n < 0 {
			return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is %q, which is no number of seconds", epoch)
		}
		return time.Unix(n, 0).UTC(), nil
	}
	number, more, _ := strings.Cut(version, "+")
	for line := range strings.Lines(changes) {
		heading, is := strings.CutPrefix(strings.TrimSpace(line), "## "+number)
		if !is || heading != "" && !strings.HasPrefix(heading, " ") {
			continue
		}
		at, err := time.Parse(" - 2006-01-02", heading)
		if err != nil {
			return time.Time{}, fmt.Errorf("CHANGELOG.md has no date of %s: write ## %s - YYYY-MM-DD", number, number)
		}
		return at, nil
	}
	if more == "" {
		return time.Time{}, fmt.Errorf("CHANGELOG.md has no heading ## %s - YYYY-MM-DD", number)
	}
	return time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), nil
}
