package picture

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"onerpm/internal/manifest"
)

// Comparison is what two pictures of a machine are compared by.
type Comparison struct {
	Manifest *manifest.Manifest
	LeftOut  LeftOut
	Writes   bool // clients wrote in between: below state paths files may have come and be others
}

// Same tells everything that is not as it was.
func (c Comparison) Same(before, now Picture) []string {
	d := differences{c: c}
	for _, part := range Parts {
		d.part(part, before[part], now[part], func(name, b, _ string) bool { return part == Files && c.fileMay(name, b) })
	}
	d.clock(before, now)
	d.altered(before, now, func(_, b, n string) bool { return b == n })
	return d.found
}

// content reports whether two files differ in nothing but a content that is left out.
func (c Comparison) content(path, before, now string) bool {
	b, n := strings.Fields(before), strings.Fields(now)
	return len(b) > 2 && len(n) > 2 && b[0] == "f" && slices.Equal(b[:3], n[:3]) && c.LeftOut.Has("contents", path)
}

// fileMay reports whether a file may be another for all that is known.
func (c Comparison) fileMay(path, before string) bool {
	if before == "" && ownFolder(c.Manifest.Prefix, path) {
		return true
	}
	return c.Writes && before == "" && slices.ContainsFunc(c.Manifest.State, func(folder string) bool { return manifest.Within(path, folder) })
}

// differences collects what was found.
type differences struct {
	c     Comparison
	found []string
}

func (d *differences) add(format string, args ...any) {
	d.found = append(d.found, fmt.Sprintf(format, args...))
}

// words are what an entry of a part is called.
var words = map[string]string{Packages: "package", Files: "file", Enabled: "unit file", Units: "unit", Users: "user", Passwords: "password of user",
	Groups: "group", Ports: "port", Mounts: "mount", Network: "network:", Kernel: "kernel setting"}

// part tells what of a part is not the same, unless it may be so.
func (d *differences) part(part string, before, now map[string]string, may func(name, before, now string) bool) {
	if part == Clock {
		return
	}
	for _, name := range keys(before, now) {
		b, had := before[name]
		n, has := now[name]
		if had == has && b == n || d.c.LeftOut.Has(part, name) || part == Files && d.c.content(name, b, n) || may(name, b, n) {
			continue
		}
		switch {
		case part == Passwords && had && has:
			d.add("password of user %s is another", printable(name))
		case part == Passwords: // the user is told
		case !had:
			d.add("%s %s is new%s", words[part], printable(name), is(n))
		case !has:
			d.add("%s %s is gone%s", words[part], printable(name), was(b))
		default:
			d.add("%s %s is %s, was %s", words[part], printable(name), short(n), short(b))
		}
	}
}

func is(s string) string {
	if s == "" {
		return ""
	}
	return ": " + short(s)
}

func was(s string) string {
	if s == "" {
		return ""
	}
	return ", was " + short(s)
}

// maxClock is how many seconds a clock may go wrong in an upgrade.
const maxClock = 30

func (d *differences) clock(before, now Picture) {
	b, err := strconv.Atoi(before[Clock]["offset"])
	n, err2 := strconv.Atoi(now[Clock]["offset"])
	if err == nil && err2 == nil && max(n-b, b-n) > maxClock && !d.c.LeftOut.Has(Clock, "offset") {
		d.add("the clock was set: it is %d s off, was %d s", n, b)
	}
}

// altered tells which files of the product's packages are not as they have them.
func (d *differences) altered(before, now Picture, may func(path, before, now string) bool) {
	for _, path := range keys(now[altered]) {
		n := now[altered][path]
		switch {
		case d.c.LeftOut.Has(Files, path) || may(path, before[altered][path], n):
		case verified.MatchString(n):
			d.add("a file is not as its package has it: %s", n)
		default:
			d.add("rpm -V says: %s", path)
		}
	}
}

// keys are the names in maps, sorted.
func keys(maps ...map[string]string) []string {
	var all []string
	for _, m := range maps {
		for name := range m {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// printable makes a name fit for one line of a message.
func printable(name string) string {
	if strings.ContainsFunc(name, func(c rune) bool { return c < 0x20 || c == 0x7f || c == 0xfffd }) {
		return strconv.Quote(name)
	}
	return name
}

func short(s string) string {
	if len(s) > 120 {
		return s[:120] + "..."
	}
	return s
}
