package pack

import (
	"fmt"
	"strings"
)

// summary is the bundle in one line.
func (b Bundle) summary() string {
	m := b.Manifest
	return fmt.Sprintf("Upgrade of %s %s to %s in place", m.Product, m.From, m.To)
}

// description is what "yum info" shows: what installing the bundle does and how to follow it.
func (b Bundle) description() string {
	m, p := b.Manifest, b.Manifest.Prefix
	return strings.Join([]string{
		wrap(fmt.Sprintf("Upgrades this host from %s %s to %s: same host, same address, same database. "+
			"Or, if anything goes wrong, leaves exactly the old release.", m.Product, m.From, m.To)),
		wrap("Installing this package checks the host and starts the upgrade, which then runs as a unit of its own. " +
			"No network is needed. To look before, without installing anything:"),
		fmt.Sprintf("  mkdir /root/c && cd /root/c\n  rpm2cpio /path/to/%s | cpio -idm\n  ./opt/%s/%s/bin/engine check", b.FileName(), p, m.To),
		fmt.Sprintf("Follow it:         %[1]s status --follow\nWait for its end:  %[1]s wait\nGo back:           %[1]s rollback", p),
		wrap("To start it by hand instead, make this file before installing: /etc/" + p + "/manual"),
		wrap("Removing this package removes nothing but the package."),
	}, "\n\n")
}

// wrap breaks a paragraph into lines of at most 79 characters, as rpm shows descriptions as they are.
func wrap(paragraph string) string {
	const width = 79
	var lines []string
	line := ""
	for _, word := range strings.Fields(paragraph) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) > width:
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	return strings.Join(append(lines, line), "\n")
}
