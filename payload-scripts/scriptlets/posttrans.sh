# Checks the host and tells the verdict. When nothing stands in the way, on a first
# install, it starts the upgrade, which then runs as a unit of its own and does not need this
# transaction any more. It never makes the transaction fail.
prefix={{q .Prefix}}
to={{q .To}}
var={{q .Var}}
engine={{q .Engine}}
manual={{q .Manual}}

say() {
    printf '%s\n' "$@"
}

first=
if [ -e "$var"/{{q .Marker}} ]; then
    first=yes
    rm -f "$var"/{{q .Marker}}
fi
state=
if [ -r "$var/state" ]; then
    read -r state <"$var/state"
fi
case "$state" in
running)
    say "An upgrade is under way and goes on." "  follow it: $prefix status --follow"
    exit 0
    ;;
needs-a-person)
    say "An upgrade has stopped and needs a person." "  see what to do: $prefix report"
    exit 0
    ;;
esac
if ! "$engine" check </dev/null 2>&1; then
    say "The upgrade to $to was not started." "  check again: $prefix check" "  start it:    $prefix start"
elif [ -n "$first" ] && [ ! -e "$manual" ]; then
    "$engine" start --checked </dev/null 2>&1 ||
        say "The upgrade to $to could not be started." "  try again: $prefix start"
elif [ -n "$first" ]; then
    say "The upgrade to $to waits for you, because $manual is there." "  start it: $prefix start"
elif [ "$state" != "done" ]; then
    say "The upgrade to $to does not start by itself when its package is updated." "  start it: $prefix start"
fi
exit 0
