#!/bin/bash
# systemd-sysusers gives a user another number than its line asks for when somebody has that number, and succeeds.
#
# systemd 252 (Debian 12). "u app 500" in sysusers.d is a wish: where 500 is a user's number already, or only a group's, app gets the next free one from the top of the range
# of system users; exit code 0, one line on standard error. sysusers.d(5) recommends "-" "unless it is strictly necessary to use a specific UID" and does not say that it is not
# held. With a group named ("501:other") only users' numbers count. A user that is there with another number is left as it is, without a word. So
# two machines with the same packages have different owners, and files that are copied by numbers (tar --numeric-owner, a disk, a backup) belong to others.
#
# Seen:  500 is a user's: app has 999    501 is a group's: app has 999    501:other: app has 501    app is there with 600, asked for 503: 600, nothing said    each time: 0
set -eu
need() { [ "$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null)" = "$2" ] || apt-get install -y --no-install-recommends "$1=$2" >&2 || { echo "cannot install $1=$2"; exit 2; }; }
changed() { echo "CHANGED: $*"; exit 1; }
need systemd 252.39-1~deb12u2
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'rm -rf "$work"' EXIT; cd "$work"
# app LINE [USER]: makes users in a root of its own, where 500 is a user and a group and 501 a group; prints app's number, and with said what was said of it.
app() {
	rm -rf root; mkdir -p root/etc root/usr/lib/sysusers.d
	printf 'root:x:0:0::/root:/bin/sh\nsomebody:x:500:500::/:/bin/sh\n%b' "${2:-}" >root/etc/passwd
	printf 'root:x:0:\nsomebody:x:500:\nother:x:501:\n%b' "${2:+app:x:600:\\n}" >root/etc/group
	echo "$1" >root/usr/lib/sysusers.d/app.conf
	systemd-sysusers --root="$work/root" >log 2>&1 || changed "$1: exit code $?: $(cat log)"
	number=$(sed -n 's/^app:x:\([0-9]*\):.*/\1/p' root/etc/passwd); said=$(grep -o 'Suggested user ID.*' log || true)
	echo "$1: $number  $said$([ -s log ] || echo '(nothing said)')"
}
app 'u app 500'
[ "$number" = 999 ] || changed "where a user has the number"
[ "$said" = 'Suggested user ID 500 for app already used.' ] || changed "what is said"
app 'u app 501'
[ "$number" = 999 ] || changed "where a group has the number"
app 'u app 502'
[ "$number" = 502 ] || changed "where nobody has the number"
app 'u app 501:other'
[ "$number" = 501 ] || changed "with a group that is there"
app 'u app 503' 'app:x:600:600::/:/bin/sh\n'
[ "$number" = 600 ] && [ ! -s log ] || changed "where the user is there"
echo "as described"
