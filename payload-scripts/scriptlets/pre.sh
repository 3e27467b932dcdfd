# The gate of {{.Bundle}}. Before anything is unpacked it refuses a machine that this
# bundle is not for, and says what, why and what to do next. An update or a
# reinstallation of this very bundle ($1 is 2 or more) passes.
[ "${1:-1}" = 1 ] || exit 0
LC_ALL=C
export LC_ALL

product={{q .Product}}
prefix={{q .Prefix}}
bundle={{q .Bundle}}
from={{q .From}}
to={{q .To}}
var={{q .Var}}
opt={{q .Opt}}
systemd={{q .Systemd}}
opt_kib={{.Space.Opt}}
var_kib={{.Space.Var}}
releases={{q (join .Versions)}}
names={{q (join .Names)}}
nl='
'

say() {
    printf '%s\n' "$@"
}

# refuse ends the installation. Its arguments are lines.
refuse() {
    say "$bundle refuses:" "$@" "Nothing was changed."
    exit 1
}

# note has the command of an older bundle say that this one was refused, and not how the upgrade before it ended. Where
# there was none nothing is written. Its arguments are lines.
note() {
    last=$(readlink "$opt/run/current" 2>/dev/null) && [ -d "$var" ] || return 0
    (umask 077 && say "$last" "$bundle" "$from" "$to" "$@" >"$var/.gate~" && mv -f "$var/.gate~" "$var"/{{q .Gate}}) 2>/dev/null || :
}

# refuse_noted is refuse for what nothing else on this host tells of.
refuse_noted() {
    note "$@"
    refuse "$@"
}

# set_of RELEASE prints its packages: required or optional, name, epoch:version-release.
set_of() {
    case "$1" in
{{- range .Releases}}
    {{q .Version}})
        say{{range .Packages}} {{q (line .)}}{{end}}
        ;;
{{- end}}
    esac
}

# way_of RELEASE prints the releases from it to $to; nothing when no way leads there.
way_of() {
    case "$1" in
{{- range .Releases}}{{if .Way}}
    {{q .Version}}) say {{q .Way}} ;;
{{- end}}{{end}}
    esac
}

# next_of RELEASE prints the bundle to take next.
next_of() {
    case "$1" in
{{- range .Releases}}{{if .Way}}
    {{q .Version}}) say {{q .Take}} ;;
{{- end}}{{end}}
    esac
}

# why_of RELEASE prints what must happen first where no jump starts.
why_of() {
    case "$1" in
{{- range .Releases}}{{if .Why}}
    {{q .Version}}) say {{q .Why}} ;;
{{- end}}{{end}}
    esac
}

# differences RELEASE prints what is not as that release has it, a line each.
differences() {
    set_of "$1" | while read -r need name evr; do
        case "$nl$have$nl" in
        *"$nl$name "*) ;;
        *) [ "$need" = optional ] || say "  $name: $evr is expected, it is not installed" ;;
        esac
    done
    expected=$(set_of "$1")
    say "$have" | while read -r name evr; do
        case "$nl$expected$nl" in
        *"${nl}required $name $evr$nl"* | *"${nl}optional $name $evr$nl"*) continue ;;
        *"${nl}required $name "* | *"${nl}optional $name "*)
            wanted=$(say "$expected" | sed -n "s/^[a-z]* $name //p")
            say "  $name: $wanted is expected, $evr is installed"
            ;;
        *) say "  $name: it is not part of $1, $evr is installed" ;;
        esac
    done
}

# free_at FOLDER prints the KiB that are free there and where that is mounted.
free_at() {
    dir=$1
    while [ -n "$dir" ] && [ ! -d "$dir" ]; do
        dir=${dir%/*}
    done
    df -Pk "${dir:-/}" 2>/dev/null | {
        read -r _
        read -r _ _ _ free _ mount && say "$free $mount"
    }
}

# short FOLDER FREE NEEDED prints a line when there is not enough. What cannot be measured is not judged.
short() {
    case "$2" in
    '' | *[!0-9]*) return ;;
    esac
    [ "$2" -ge "$3" ] || say "  $1: $(($3 / 1024)) MiB are needed, $(($2 / 1024)) MiB are free"
}

# Another upgrade under way.
state=
if [ -r "$var/state" ]; then
    read -r state <"$var/state"
fi
case "$state" in
running)
    refuse "an upgrade is under way on this host." "Follow it: $prefix status --follow" "Install this when it has ended."
    ;;
needs-a-person)
    refuse "an upgrade of this host has stopped and needs a person." "See what to do: $prefix report"
    ;;
esac

# The installed packages.
# shellcheck disable=SC2086 # names are words without special characters
answer=$(rpm -q --qf '= %{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE}\n' $names 2>&1)
trouble=$(say "$answer" | sed -n '/^error:/p')
have=$(say "$answer" | sed -n 's/^= //p')
if [ -n "$trouble" ]; then
    refuse_noted "rpm cannot tell what is installed:" "$trouble" "Repair its database first: rpm --rebuilddb"
fi
if [ -z "$have" ]; then
    refuse_noted "$product is not installed on this host." "This bundle upgrades a host of $product $from to $to, it installs none."
fi
here=
for release in "$from" $releases; do
    if [ -z "$(differences "$release")" ]; then
        here=$release
        break
    fi
done
way=$(way_of "$here")
if [ "$here" = "$to" ]; then
    refuse "nothing to do: this host is $to already."
elif [ -n "$here" ] && [ "$here" != "$from" ] && [ -n "$way" ]; then
    take=$(next_of "$here")
    refuse_noted "this host is $here. The way is $way: take $take next:" "  yum install $take.rpm"
elif [ -n "$here" ] && [ "$here" != "$from" ]; then
    why=$(why_of "$here")
    refuse_noted "this host is $here, and no way leads from there to $to." ${why:+"$why"} "This bundle is for $product $from."
elif [ -z "$here" ]; then
    refuse_noted "the packages of $product on this host are those of no release. This bundle is for $from, which differs:" \
        "$(differences "$from")" "Bring the host to a release first; rpm -q says what a package is: rpm -q NAME"
fi

# What the upgrade runs under, and disk space for it.
if [ ! -d "$systemd" ]; then
    refuse_noted "systemd does not run this host ($systemd is not there), and the upgrade runs as its unit." "Boot the host with systemd."
fi
opt_free=$(free_at "$opt")
var_free=$(free_at "$var")
if [ -n "$opt_free" ] && [ "${opt_free#* }" = "${var_free#* }" ]; then
    shortage=$(short "${opt_free#* }, for $opt and $var" "${opt_free%% *}" $((opt_kib + var_kib)))
else
    shortage=$(
        short "$opt" "${opt_free%% *}" "$opt_kib"
        short "$var" "${var_free%% *}" "$var_kib"
    )
fi
if [ -n "$shortage" ]; then
    refuse_noted "there is not enough disk space:" "$shortage" "Free disk space, then install this again. What old upgrades left is removed by: $prefix clean"
fi
exit 0
