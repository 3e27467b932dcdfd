#!/bin/sh
# Stands for systemd-run: processes of a session of its own, which hold a lock as long as one of them runs.
root=${ONERPM_FLEET_ROOT:?}
while :; do
    case "$1" in
    --unit=*) unit=${1#--unit=} ;;
    --*) ;;
    *) break ;;
    esac
    shift
done
mkdir -p "$root/units"
echo "systemd-run $unit" >>"$root/calls"
file=$root/units/$unit
: >"$file"
# shellcheck disable=SC2016 # it is for the shell below
setsid flock "$file" /bin/sh -c 'echo $$ >"$0.pid"; "$@"' "$file" "$@" </dev/null >/dev/null 2>&1 &
until [ -s "$file.pid" ]; do sleep 0.01; done # as systemd-run, which returns when the command runs
