#!/bin/sh
# Stands for the upgrade's own program on a machine that is a folder. It upgrades by writing the release into the file
# "release", unless told otherwise by files of that folder:
#   refuse       check refuses, with that text
#   fails        the upgrade ends with the exit code that stands there, for the cause behind it
#   slow         wait goes on as long as it is there
root=${ONERPM_FLEET_ROOT:?}
echo "engine $*" >>"$root/calls"
var=$root/var/lib/p-upgrade
mkdir -p "$var"
release=4.1.1
[ ! -e "$root/release" ] || read -r release <"$root/release"

verdict() { # WORD FINDINGS
    printf '{\n "from": "4.1.1",\n "to": "4.2.0",\n "verdict": "%s",\n "findings": [%s]\n}\n' "$1" "$2"
}
check() {
    if [ "$release" = 4.2.0 ]; then
        verdict nothing-to-do '{"id": "already-there", "level": "refuse", "what": "this machine is 4.2.0 already", "do": ""}'
        return 0
    fi
    if [ -e "$root/refuse" ]; then
        verdict refused '{"id": "no-room", "level": "refuse", "what": "'"$(cat "$root/refuse")"'", "do": "free disk space"}'
        return 3
    fi
    verdict ready '{"id": "clients-connected", "level": "warn", "what": "3 connections are open", "do": ""}'
}
report() {
    [ -e "$var/id" ] || { printf '{\n "from": "4.1.1",\n "outcome": "not-started",\n "to": "4.2.0"\n}\n'; return 0; }
    outcome=upgraded cause='' code=0
    [ ! -e "$root/fails" ] || read -r code cause <"$root/fails"
    case $code in
    3) outcome=refused ;;
    4) outcome=rolled-back ;;
    5) outcome=needs-a-person ;;
    esac
    [ "$(cat "$var/state")" != running ] || outcome=
    printf '{\n "product": "Sample",\n "id": "%s",\n "from": "4.1.1",\n "to": "4.2.0",\n "outcome": "%s",\n "phase": "finished",\n "back": false,\n' "$(cat "$var/id")" "$outcome"
    printf ' "began": "2026-01-02T03:04:05Z",\n "ended": "2026-01-02T03:05:05Z",\n "window": "2.1s",\n "window_measured": true,\n "window_limit": "1m0s",\n'
    printf ' "error": "%s",\n "steps": []\n}\n' "$cause"
}
case "$1" in
check) check ;;
rehearse)
    [ ! -e "$root/refuse-rehearsal" ] || exit 3
    printf '{\n "from": "4.1.1",\n "to": "4.2.0",\n "window": "3s"\n}\n'
    ;;
start)
    check >/dev/null || { check; exit 3; }
    echo running >"$var/state"
    echo "attempt-$(wc -l <"$root/calls")" >"$var/id"
    printf '{\n "id": "%s"\n}\n' "$(cat "$var/id")"
    ;;
wait)
    while [ -e "$root/slow" ]; do sleep 0.1; done
    code=0
    [ ! -e "$root/fails" ] || read -r code cause <"$root/fails"
    case $code in 0 | 6) echo 4.2.0 >"$root/release" ;; esac
    if [ "$code" = 5 ]; then echo needs-a-person >"$var/state"; else echo "done" >"$var/state"; fi
    report
    exit "$code"
    ;;
report) report ;;
agents)
    state=pending
    [ ! -e "$root/agents-done" ] || state="done"
    [ "$2" != start ] || : >"$root/agents-done"
    printf '{\n "state": "%s"\n}\n' "$state"
    if [ "$state" = "done" ] || [ "$2" = start ]; then exit 0; fi
    exit 6
    ;;
*) exit 2 ;;
esac
