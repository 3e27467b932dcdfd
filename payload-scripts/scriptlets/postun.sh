# When the bundle goes ($1 is 0) nothing but its own notes go with it: an upgrade
# under way, its backups and its reports need neither the bundle nor this.
if [ "${1:-0}" = 0 ]; then
    rm -f {{q .Var}}/{{q .Marker}} {{q .Var}}/{{q .Note}}
fi
exit 0
