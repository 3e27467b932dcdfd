# Notes whether this is a first install ($1 is 1), for %posttrans.
umask 077
var={{q .Var}}
[ -d "$var" ] || mkdir -p "$var" || exit 0
if [ "${1:-1}" = 1 ]; then
    : >"$var"/{{q .Marker}}
fi
exit 0
