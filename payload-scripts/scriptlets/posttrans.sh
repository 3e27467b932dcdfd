# Has the engine check the host and tell the verdict. When nothing stands in the way, on a first
# install, it starts the upgrade, which then runs as a unit of its own and does not need this
# transaction any more. It never makes the transaction fail.
prefix={{q .Prefix}}
to={{q .To}}
var={{q .Var}}
engine={{q .Engine}}
opt={{q .Opt}}

# outside runs a command as the host sees things. From rpm 4.20 on scriptlets have neither a network nor
# the host's /tmp (rpm-plugin-unshare), so that no database would answer.
outside() {
    for kind in net mnt; do
        host=$(readlink "/proc/1/ns/$kind" 2>/dev/null)
        if [ -n "$host" ] && [ "$host" != "$(readlink "/proc/self/ns/$kind")" ] && nsenter --target 1 --net --mount true 2>/dev/null; then
            nsenter --target 1 --net --mount "$@"
            return
        fi
    done
    "$@"
}

# rpm brings its database to disk and leaves the files to the kernel, for half a minute: a power cut would leave
# the bundle installed and its files empty. The sync of EL7 takes no path.
sync -f "$opt" 2>/dev/null || sync

first=
if [ -e "$var"/{{q .Marker}} ]; then
    first=--first
    rm -f "$var"/{{q .Marker}}
fi
outside "$engine" installed $first </dev/null 2>&1
case $? in
126 | 127)
    printf '%s\n' "The upgrade to $to was not started: $engine cannot be run." "  start it when the cause is gone: $prefix start"
    ;;
esac
exit 0
