#!/bin/bash
# A drop-in with one empty condition of any kind removes the unit's conditions of every kind - and a "|" in the wrong place removes itself.
#
# systemd 252 (Debian 12). A unit must not start while a file is there (ConditionPathExists=!...), and a drop-in of somebody else says ConditionMemory= : the
# empty value clears the list of conditions, which is one for all kinds, so the guard is gone too. Asserts stay: they are a list of their own.
# "|" (one of these is enough) stands before "!"; written !| it is taken for a path, ignored with a warning, and the unit starts.
#
# Seen:  guarded: failed.   with ConditionMemory=: met.   with AssertPathExists=/nowhere: not met again.
#        ConditionPathExists= path is not absolute, ignoring: |/etc/passwd   - and met
set -eu
need() { [ "$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null)" = "$2" ] || apt-get install -y --no-install-recommends "$1=$2" >&2 || { echo "cannot install $1=$2"; exit 2; }; }
changed() { echo "CHANGED: $*"; exit 1; }
need systemd 252.39-1~deb12u2
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
export SYSTEMD_UNIT_PATH=$work
# met UNIT: whether the unit would start, by its conditions; nothing is started.
met() { systemd-analyze condition --unit="$1"; }
printf '[Unit]\nConditionPathExists=!/etc/passwd\n[Service]\nExecStart=/bin/true\n' >guarded.service
met guarded.service && changed "the guard does not hold"
mkdir guarded.service.d
printf '[Unit]\nConditionMemory=\n' >guarded.service.d/other.conf
met guarded.service || changed "the guard is still there after ConditionMemory="
printf '[Unit]\nAssertPathExists=/nowhere\nConditionMemory=\n' >guarded.service.d/other.conf
met guarded.service && changed "an assert is cleared with the conditions"
printf '[Unit]\nConditionPathExists=!|/etc/passwd\n[Service]\nExecStart=/bin/true\n' >swapped.service
out=$(met swapped.service 2>&1) || changed "!| is understood"
echo "$out"
case $out in *"path is not absolute, ignoring"*) ;; *) changed "no warning" ;; esac
echo "as described"
