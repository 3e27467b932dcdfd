# Notes whether this is a first install ($1 is 1), for %posttrans, and has the engine
# write its man page and its completion where the host has a place for them.
umask 077
var={{q .Var}}
engine={{q .Engine}}

# tell TOPIC FILE writes what the engine tells about a topic, whole or not at all.
tell() {
    [ -d "${2%/*}" ] || return 0
    if "$engine" "$1" </dev/null >"$2.new" 2>/dev/null && chmod 644 "$2.new" && mv -f "$2.new" "$2"; then
        return 0
    fi
    rm -f "$2.new"
}

tell man {{q .Manual8}}
tell completion {{q .Completion}}
[ -d "$var" ] || mkdir -p "$var" || exit 0
if [ "${1:-1}" = 1 ]; then
    : >"$var"/{{q .Marker}}
fi
exit 0
