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

verdict() { # WORD FINDINGS [ID]
    printf '{\n "from": "4.1.1",\n "to": "4.2.0",\n "verdict": "%s",\n' "$1"
    [ -z "${3-}" ] || printf ' "id": "%s",\n' "$3"
    printf ' "findings": [%s]\n}\n' "$2"
}
check() {
    state=
    [ ! -e "$var/state" ] || read -r state <"$var/state"
    case $state in
    running)
        verdict under-way '{"id": "under-way", "level": "refuse", "what": "an upgrade is under way", "do": "wait for its end"}' "$(cat "$var/id")"
        return 7
        ;;
    needs-a-person)
        verdict needs-a-person '{"id": "needs-a-person", "level": "refuse", "what": "the upgrade needs a person, because: the disk is full", "do": "see the report"}' "$(cat "$var/id")"
        return 5
        ;;
    esac
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
    if [ ! -e "$var/id" ]; then
        if [ "$1" = summary ]; then
            printf '{\n "id": "",\n "from": "4.1.1",\n "to": "4.2.0",\n "outcome": "not-started",\n "window": "0s",\n "cause": "none was started",\n "todo": "start it"\n}\n'
        else
            printf '{\n "from": "4.1.1",\n "to": "4.2.0",\n "outcome": "not-started",\n "refused": false,\n "why": "none was started",\n "findings": []\n}\n'
        fi
        return 0
    fi
    outcome=upgraded cause='' code=0
    [ ! -e "$root/fails" ] || read -r code cause <"$root/fails"
    case $code in
    3) outcome=refused ;;
    4) outcome=rolled-back ;;
    5) outcome=needs-a-person ;;
    esac
    [ "$(cat "$var/state")" != running ] || outcome=
    if [ "$1" = summary ]; then
        printf '{\n "id": "%s",\n "from": "4.1.1",\n "to": "4.2.0",\n "outcome": "%s",\n "window": "2.1s",\n "cause": "%s",\n "todo": "%s"\n}\n' \
            "$(cat "$var/id")" "${outcome:-under-way}" "$cause" "${cause:+remove the cause}"
        return 0
    fi
    printf '{\n "product": "Sample",\n "id": "%s",\n "from": "4.1.1",\n "to": "4.2.0",\n "outcome": "%s",\n "phase": "done",\n "back": false,\n' "$(cat "$var/id")" "$outcome"
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
    check >/dev/null || { check; exit; }
    echo running >"$var/state"
    echo "4.2.0-1-$(wc -l <"$root/calls")" >"$var/id"
    printf '{\n "id": "%s"\n}\n' "$(cat "$var/id")"
    ;;
wait)
    if [ "$2" = --id ] && [ "$3" != "$(cat "$var/id")" ]; then
        printf '{\n "id": "%s",\n "from": "4.1.1",\n "to": "4.2.0",\n "outcome": "not-started",\n "refused": false,\n "why": "there is none of that id",\n "findings": []\n}\n' "$3"
        exit 8
    fi
    while [ -e "$root/slow" ]; do sleep 0.1; done
    code=0
    [ ! -e "$root/fails" ] || read -r code cause <"$root/fails"
    case $code in 0 | 6) echo 4.2.0 >"$root/release" ;; esac
    if [ "$code" = 5 ]; then echo needs-a-person >"$var/state"; else echo "done" >"$var/state"; fi
    report whole
    exit "$code"
    ;;
report)
    case "$*" in
    *--summary*) report summary ;;
    *) report whole ;;
    esac
    ;;
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
