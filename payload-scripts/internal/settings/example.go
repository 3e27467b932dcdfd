package settings

import "fmt"

// Example is the file with every setting at what it is without the file.
func Example(prefix string) string {
	return fmt.Sprintf(`# Settings of the upgrades of this host: /etc/%[1]s/upgrade.conf
# It is optional; everything here is a comment and shows the default.
# "%[1]s check" reports a mistake in it, with its line.

# How long the backups of an ended upgrade (configuration, state, database dumps) are
# kept: a number of days such as 30d, or forever. They are removed when the next
# upgrade is started; "%[1]s clean" removes them at once.
#
# keep-backups = forever

# How long an upgrade waits for another package manager (yum, dnf, PackageKit) to end
# before it goes back: 1s to 24h.
#
# wait-for-packages = 5m

# The decisions below are about one upgrade: each names the release that it leads to, and
# decides nothing of the next one. "%[1]s check" shows what was decided and by whom.

# Which side wins where this host and the new release changed the same value of a
# configuration file differently. "%[1]s check" tells such conflicts, and no upgrade
# starts with one that nobody decided.
#   old   this host's value stays
#   new   the new release's value is taken
# For a single key, or for a whole file (the only way for a file that is merged by line):
#
# conflict 2.0 /etc/product/product.conf:server.port = old
# conflict 2.0 /etc/product/site.conf = new

# Work that never ends, though "%[1]s check" tells that the upgrade waits for its end: an execution
# that a killed worker left "started", say. The document is copied with this value, and stays as it is in
# the old release's database. One that has ended by itself meanwhile is copied as it is.
#
# ended 2.0 storage executions 5e1f0c4e-0b7c-4c5f-9a53-6a3d3b1b7a10 = failed

# A change for the worse that "%[1]s check" tells and that an upgrade is not started without your word for, by what
# the finding calls it.
#
# accept 2.0 roles = yes

# Whether the installation of a bundle starts the upgrade is not decided here but by
# a file: with /etc/%[1]s/manual there, nothing starts by itself.
`, prefix)
}
