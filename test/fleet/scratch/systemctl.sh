#!/bin/sh
# Stands for systemctl: is-active, kill and reset-failed of what the stand-in for systemd-run has begun.
root=${ONERPM_FLEET_ROOT:?}
word=$1
shift
[ "$1" != --quiet ] || shift
file=$root/units/$1
[ -e "$file" ] || exit 3
case "$word" in
is-active) ! flock --nonblock "$file" true || exit 3 ;;
reset-failed) rm -f "$file.pid" ;;
kill) # the shell that holds the lock, and all of its session
    session=$(ps -o sid= -p "$(cat "$file.pid")") || exit 0
    pkill -KILL -s "$((session))"
    ;;
esac
exit 0
