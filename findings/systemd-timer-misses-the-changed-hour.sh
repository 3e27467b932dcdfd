#!/bin/bash
# A timer for 02:30 does not run on the night on which clocks go forward, a weekly one not for two weeks; one for every quarter of an hour rests for 75 minutes in autumn.
#
# systemd 252 (Debian 12), zone Europe/Berlin; America/New_York is alike. Where the local time of OnCalendar= does not exist, the next elapse is on the next day (or week) that has
# it, not after the gap; the hour that clocks repeat in autumn counts once. systemd.timer(5) and systemd.time(7) say nothing of it. Persistent=
# runs at once what would have elapsed since the last run: by this rule nothing would. (cron(8) of Debian runs what fell into the gap soon after, by its manual.) With UTC in the
# expression no run is missed.
#
# Seen:  *-*-* 02:30: 29 March 01:30, 31 March 00:30 (UTC), 47 hours later    Sun 02:30: 23 March, 6 April    *:0/15: 00:45, 02:00 (UTC) on 26 October
#        *-*-* 03:00: 24 hours less one    *-*-* 02:30 UTC: 24 hours
set -eu
need() { [ "$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null)" = "$2" ] || apt-get install -y --no-install-recommends "$1=$2" >&2 || { echo "cannot install $1=$2"; exit 2; }; }
changed() { echo "CHANGED: $*"; exit 1; }
need systemd 252.39-1~deb12u2
for zone in Europe/Berlin America/New_York; do [ -e /usr/share/zoneinfo/$zone ] || { echo "no time zone $zone here"; exit 2; }; done
# elapses SINCE EXPRESSION: the two runs after a moment of UTC, in UTC, in one line. Nothing is started.
elapses() {
	TZ=UTC systemd-analyze calendar --iterations=2 --base-time="$1 UTC" "$2" | sed -n 's/^ *\(Next elapse\|Iter. #2\): ... \(.*\):.. UTC$/\2/p' | paste -sd,
}
# runs SINCE EXPRESSION WANT
runs() {
	local got; got=$(elapses "$1" "$2")
	echo "$2: $got"
	[ "$got" = "$3" ] || changed "$2 elapses at $got"
}
runs '2025-03-29 00:00' '*-*-* 02:30 Europe/Berlin' '2025-03-29 01:30,2025-03-31 00:30'
runs '2025-03-23 00:00' 'Sun *-*-* 02:30 Europe/Berlin' '2025-03-23 01:30,2025-04-06 00:30'
runs '2025-03-08 00:00' '*-*-* 02:30 America/New_York' '2025-03-08 07:30,2025-03-10 06:30'
runs '2025-10-26 00:30' '*-*-* *:0/15 Europe/Berlin' '2025-10-26 00:45,2025-10-26 02:00'
runs '2025-03-29 00:00' '*-*-* 03:00 Europe/Berlin' '2025-03-29 02:00,2025-03-30 01:00'
runs '2025-03-29 00:00' '*-*-* 02:30 UTC' '2025-03-29 02:30,2025-03-30 02:30'
echo "as described"
