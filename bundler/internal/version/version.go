// Package version says which bundler this is.
package version

import "runtime/debug"

// number is set by make, from CHANGELOG.md: the newest release, with "+unreleased" behind it while there are changes after it.
var number string

// Number returns the bundler's version. What make did not build has the version that the Go command gives it, or "devel".
func Number() string {
	if number != "" {
		return number
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}
