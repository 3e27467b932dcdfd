#!/bin/bash
# journalctl --after-cursor with a unit's name leaves out the first line that the unit has, unless the cursor is of one of the unit's own lines.
#
# systemd 252 (Debian 12). "--after-cursor" is to show what comes after the entry that the cursor is of. With a match (--unit=, _SYSTEMD_UNIT=...) journalctl goes to
# the first entry that matches at or after the cursor, and then one further, whichever entry that is. With the cursor of the whole journal, as
# "journalctl -n 0 --show-cursor" gives it, a service that has said one line since is shown as having said nothing; without the match the line is there, and --cursor
# shows it too. Who waits for a word of a service after its start waits for ever when that is its first line.
#
# Seen, of "alpha one, beta before, alpha two, alpha three, beta after", after the cursor of "beta before":
#   everything: alpha two, alpha three, beta after    of alpha: alpha three    of alpha, after the cursor of "alpha one": alpha two, alpha three
set -eu
need() { [ "$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null)" = "$2" ] || apt-get install -y --no-install-recommends "$1=$2" >&2 || { echo "cannot install $1=$2"; exit 2; }; }
changed() { echo "CHANGED: $*"; exit 1; }
need systemd 252.39-1~deb12u2
need systemd-journal-remote 252.39-1~deb12u2 # writes a journal from its text
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'rm -rf "$work"' EXIT; cd "$work"
id=0123456789abcdef0123456789abcdef n=0
while read -r unit message; do
	n=$((n + 1))
	printf '__REALTIME_TIMESTAMP=%s\n__MONOTONIC_TIMESTAMP=%s\n_BOOT_ID=%s\n_MACHINE_ID=%s\n_SYSTEMD_UNIT=%s.service\nMESSAGE=%s\n\n' $((1700000000000000 + n * 1000000)) $((n * 1000000)) $id $id "$unit" "$message"
done >text <<'END'
alpha alpha one
beta beta before
alpha alpha two
alpha alpha three
beta beta after
END
/lib/systemd/systemd-journal-remote -o one.journal text 2>log || { cat log; exit 2; }
cursor() { journalctl --file=one.journal -o export | awk -v want="MESSAGE=$1" '/^__CURSOR=/ { c = substr($0, 10) } $0 == want { print c }'; }
# show WHAT WANT ARGUMENTS: the messages that journalctl shows
show() {
	local what=$1 want=$2 got; shift 2
	got=$(journalctl --file=one.journal --quiet -o cat "$@" | paste -sd, -)
	echo "$what: $got"
	[ "$got" = "$want" ] || changed "$what: $got"
}
show "everything after 'beta before'" 'alpha two,alpha three,beta after' --after-cursor="$(cursor 'beta before')"
show "alpha after 'beta before'" 'alpha three' --after-cursor="$(cursor 'beta before')" --unit=alpha
show "alpha from 'beta before' on" 'alpha two,alpha three' --cursor="$(cursor 'beta before')" --unit=alpha
show "alpha after 'alpha one'" 'alpha two,alpha three' --after-cursor="$(cursor 'alpha one')" --unit=alpha
echo "as described"
