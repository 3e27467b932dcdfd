#!/bin/sh
# The one command for all upgrades of this host: it runs the engine that is in
# charge. That is the engine of the attempt while one is under way or needs a
# person; otherwise the one of the newest bundle that is installed, or of the
# last attempt when that was a newer one. This file is the same in every bundle.
prefix={{q .Prefix}}
opt={{q .Opt}}
current=$opt/run/current

# later VERSION VERSION prints the later of two.
later() {
    printf '%s\n%s\n' "$1" "$2" | sort -V | tail -n 1
}

# fail WHY DO ends it where no engine can be run; programs are told in the engines' own form.
fail() {
    if [ -n "$json" ]; then
        printf '{\n "failed": "%s",\n "why": "%s",\n "do": "%s",\n "exit_code": 2\n}\n' "$word" "$1" "$2"
    else
        printf '%s\n' "$prefix: $1; $2" >&2
    fi
    exit 2
}

json=
for argument; do
    case $argument in --json | -json) json=1 ;; esac
done
case ${1-} in
*[!a-z]*) word= ;;
*) word=${1-} ;;
esac

# What was run here is known to root alone; nobody else is told that nothing was.
if [ -d "$opt/run" ] && [ ! -x "$opt/run" ]; then
    unknown=1
fi

state=
if [ -r {{q .Var}}/state ]; then
    read -r state <{{q .Var}}/state
fi
case "$state" in
running | needs-a-person)
    if [ -x "$current/bin/engine" ]; then
        exec "$current/bin/engine" "$@"
    fi
    ;;
esac

bundle=
for engine in "$opt"/*/bin/engine; do
    version=${engine%/bin/engine}
    version=${version##*/}
    if [ -x "$engine" ] && [ "$version" != run ]; then
        bundle=$(later "$bundle" "$version")
    fi
done
attempt=
if [ -r "$current/version" ]; then
    read -r attempt <"$current/version"
fi
if [ -n "$bundle" ] && [ "$(later "$attempt" "$bundle")" = "$bundle" ]; then
    if [ ! -s "$opt/$bundle/bin/engine" ]; then
        printf '%s\n' "$prefix: $opt/$bundle/bin/engine is empty: the power went while the bundle was installed; install it once more: dnf reinstall $prefix-$bundle" >&2
        exit 1
    fi
    exec "$opt/$bundle/bin/engine" "$@"
fi
if [ -x "$current/bin/engine" ]; then
    exec "$current/bin/engine" "$@"
fi
if [ -n "${unknown-}" ]; then
    fail "what upgrades did to this machine can be read by root alone" "run it with sudo or as root"
fi
fail "no bundle is installed and no upgrade was run on this host" "install one: yum install $prefix-VERSION.rpm"
