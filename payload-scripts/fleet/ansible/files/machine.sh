#!/bin/sh
# What Ansible and SSM have a machine do for the upgrade of a fleet: this script, as root, and nothing else. It needs
# no Python, only what every machine with rpm and systemd has.
#
#   machine.sh take SHA256 FILE                 keep the bundle FILE, when that is its digest
#   machine.sh has SHA256                       print yes or no: is the bundle kept here, or installed?
#   machine.sh forget SHA256                    remove the bundle's file and what was unpacked of it
#   machine.sh manifest SHA256                  print the bundle's manifest.json
#   machine.sh check SHA256                     the upgrade's own answers, as JSON:
#   machine.sh report SHA256                    what they say and their exit codes are documented with its command
#   machine.sh summary SHA256                   the report in a few words
#   machine.sh rehearse SHA256 TOKEN SECONDS
#   machine.sh agents   SHA256 TOKEN SECONDS    has agents on other machines upgraded, and waits for their end
#   machine.sh upgrade  SHA256 TOKEN SECONDS    check, install, start, wait
#
# The last two print {"stage": what came last, "code": its exit code, "changed": true or false, "answer": its JSON}.
# The three that take long run as a unit of systemd, which neither the end of a connection nor that of a daemon ends.
# Asked again with the same TOKEN they go on waiting for the same run, and with exit code 9 it has not ended within
# SECONDS: so a question whose answer was lost is simply asked again.
#
# ONERPM_FLEET_ROOT (tests) stands before every path.
set -u
umask 077
LC_ALL=C
export LC_ALL
root=${ONERPM_FLEET_ROOT-}
word=${1-}
digest=${2-}
base=$root/var/lib/onerpm-fleet
work=$base/$digest
bundle=$work/bundle.rpm
mark="made by onerpm-fleet while it installs a bundle: the upgrade is started by it afterwards"

say() { printf '%s\n' "$*" >&2; }
fail() {
    say "error: $*"
    exit 1
}
usage() {
    say "error: $*"
    exit 2
}

# read_bundle sets what is known of the bundle: its package, that build of it, and where its engine will be. It is
# noted, and known when the file is gone.
read_bundle() {
    facts='%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH} %{SHA1HEADER}'
    if [ -f "$bundle" ] && [ ! -f "$work/facts" ]; then
        {
            rpm -qp --nosignature --qf "%{NAME}\n$facts\n" "$bundle"
            rpm -qpl --nosignature "$bundle" | grep '^/opt/[^/]*/[^/]*/bin/engine$'
        } >"$work/facts.new" 2>/dev/null
        mv "$work/facts.new" "$work/facts" || fail "$work cannot be written"
    fi
    [ -f "$work/facts" ] || fail "the bundle $digest is not on this machine; put it there first (take)"
    name=$(sed -n 1p "$work/facts")
    build=$(sed -n 2p "$work/facts")
    path=$(sed -n 3p "$work/facts")
    if [ -z "$path" ]; then
        rm -f "$work/facts"
        fail "$bundle is no bundle: rpm finds no engine in it"
    fi
    prefix=${path#/opt/}
    to=${prefix#*/}
    to=${to%%/*}
    prefix=${prefix%%/*}
}

# installed tells whether this very build of the bundle is installed. Package managers are not asked: some say that a
# file was installed when another build of it was there.
installed() { [ "$(rpm -q --qf "$facts" "$name" 2>/dev/null)" = "$build" ] && [ -x "$root$path" ]; }

# find_engine sets the engine to ask: the installed one, or else one that is only unpacked.
find_engine() {
    read_bundle
    engine=$root$path
    installed && return
    engine=$work/unpacked$path
    [ -x "$engine" ] && return
    [ -f "$bundle" ] || fail "the bundle $digest is neither kept on this machine nor installed; put it there first (take)"
    command -v cpio >/dev/null || fail "cpio is not installed, and the bundle has to be unpacked to look at the machine; install cpio"
    new=$work/unpacked.$$
    rm -rf "$new"
    mkdir -p "$new" || fail "no folder can be made below $work"
    if ! (cd "$new" && rpm2cpio "$bundle" | cpio -idm --quiet --no-absolute-filenames) >&2 || [ ! -x "$new$path" ]; then
        rm -rf "$new"
        fail "the bundle cannot be unpacked below $work; is there room?"
    fi
    rm -rf "$work/unpacked"
    mv "$new" "$work/unpacked" || fail "$work cannot be written"
}

digest_of() { sha256sum <"$1" | cut -d ' ' -f 1; }

take() {
    file=${3-}
    if [ -f "$bundle" ] && [ "$(digest_of "$bundle")" = "$digest" ]; then
        return
    fi
    [ -f "$file" ] || fail "there is no file $file"
    rm -rf "$work"
    mkdir -p "$work" || fail "no folder can be made below $base"
    # What is compared is the copy, which nobody but root can change.
    if ! cp -- "$file" "$bundle.new"; then
        rm -rf "$work"
        fail "the bundle cannot be copied to $work; is there room?"
    fi
    is=$(digest_of "$bundle.new")
    if [ "$is" != "$digest" ]; then
        rm -rf "$work"
        fail "$file has the SHA-256 $is, not $digest; nothing was kept"
    fi
    mv -f "$bundle.new" "$bundle" || fail "$work cannot be written"
}

# install_bundle installs the bundle without starting the upgrade: the file manual keeps it from that. One that was
# there is the admin's and stays; one of ours goes, also when a run before was cut off.
install_bundle() {
    manual=$root/etc/$prefix/manual
    code=0
    if ! installed; then
        if [ ! -e "$manual" ]; then
            (umask 022 && mkdir -p "$root/etc/$prefix")
            printf '%s\n' "$mark" >"$manual" || fail "$manual cannot be written"
        fi
        for manager in dnf yum rpm; do
            command -v $manager >/dev/null && break
        done
        case $manager in
        rpm) rpm -U "$bundle" >&2 ;;
        *) $manager -y --disablerepo='*' install "$bundle" >&2 ;; # the bundle depends on nothing that a repository has
        esac
        code=$?
    fi
    if [ -f "$manual" ] && [ "$(cat "$manual")" = "$mark" ]; then
        rm -f "$manual"
    fi
    if ! installed; then
        have=$(rpm -q "$name" 2>/dev/null) && say "installed is $have, of another build: remove it first ($manager remove $name)"
        say "error: $manager (exit code $code) did not install the bundle $build"
        return 1
    fi
}

# tell STAGE CODE CHANGED FILE prints how an upgrade ended; FILE has the engine's answer.
tell() {
    printf '{"stage": "%s", "code": %s, "changed": %s, "answer": ' "$1" "$2" "$3"
    if [ -s "$4" ]; then cat "$4"; else echo null; fi
    echo '}'
    exit "$2"
}

# id_in FILE prints the attempt that the engine's answer is about.
id_in() { sed -n 's/^ "id": "\([^"]*\)",\{0,1\}$/\1/p' "$1"; }

upgrade() {
    find_engine
    answer=$work/answer.json
    id=$(cat "$work/upgrade/id" 2>/dev/null) # this run was cut off, and has started that one
    if [ -z "$id" ]; then
        "$engine" check --json >"$answer"
        code=$?
        [ $code != 7 ] || id=$(id_in "$answer")
        case $id in
        "$to"-*) ;; # a run before was cut off, and its upgrade goes on
        *)
            if [ $code != 0 ] || grep -q '^ "verdict": "nothing-to-do"' "$answer"; then
                tell check $code false "$answer"
            fi
            install_bundle || tell install 1 false /dev/null
            find_engine
            "$engine" start --json >"$answer"
            code=$?
            id=$(id_in "$answer")
            if [ $code != 0 ] || [ -z "$id" ]; then
                tell start $code false "$answer"
            fi
            ;;
        esac
        mkdir -p "$work/upgrade" && printf '%s\n' "$id" >"$work/upgrade/id"
    fi
    "$engine" wait --id "$id" --json >"$answer"
    code=$?
    case $code in
    0 | 5 | 6) tell wait $code true "$answer" ;; # 5: what a person finds may be neither release
    *) tell wait $code false "$answer" ;;
    esac
}

agents() {
    find_engine
    answer=$work/agents.json
    "$engine" agents status --json >"$answer"
    code=$?
    [ $code = 6 ] || tell agents $code false "$answer"
    "$engine" agents start --json >"$answer"
    code=$?
    [ $code = 0 ] || tell agents $code false "$answer"
    "$engine" agents wait --json >"$answer"
    tell agents $? true "$answer"
}

# begin has systemd run one of the words that take long.
begin() {
    for _ in 1 2 3 4 5; do # the one before may be just ending
        systemctl is-active --quiet "$unit" || break
        sleep 1
    done
    id=
    [ "$(cat "$run/token" 2>/dev/null)" != "$token" ] || id=$(cat "$run/id" 2>/dev/null)
    rm -rf "$run"
    mkdir -p "$run" || fail "no folder can be made below $work"
    [ -z "$id" ] || printf '%s\n' "$id" >"$run/id"
    printf '%s\n' "$token" >"$run/token" || fail "$run cannot be written"
    systemctl reset-failed "$unit" 2>/dev/null
    # shellcheck disable=SC2016 # it is for the shell that systemd starts
    systemd-run --unit="$unit" --description="$word for a fleet" /bin/sh -c \
        'sh "$0" run "$1" "$2" </dev/null >"$3/out" 2>"$3/err"; echo $? >"$3/code.new"; mv "$3/code.new" "$3/code"' \
        "$0" "$digest" "$word" "$run" >/dev/null 2>"$run/begun" || fail "systemd does not run it: $(cat "$run/begun")"
}

# await runs a word once for each token, and prints what it said when it has ended.
await() {
    token=${3-}
    seconds=${4-}
    case $token in '' | *[!0-9a-zA-Z-]*) usage "a token has letters, digits and dashes" ;; esac
    case $seconds in '' | *[!0-9]*) usage "how many seconds to wait is a number" ;; esac
    run=$work/$word
    unit=onerpm-fleet-$word.service
    read_bundle
    if [ "$(cat "$run/token" 2>/dev/null)" != "$token" ]; then
        if [ ! -e "$run/code" ] && systemctl is-active --quiet "$unit"; then
            say "error: another $word is under way on this machine"
            exit 7
        fi
        begin
    fi
    until [ -e "$run/code" ]; do
        if ! systemctl is-active --quiet "$unit" && [ ! -e "$run/code" ]; then
            begin # the machine was booted meanwhile; an upgrade that it had started goes on, and is found
        fi
        [ "$seconds" -gt 0 ] || exit 9
        seconds=$((seconds - 1))
        sleep 1
    done
    cat "$run/out"
    cat "$run/err" >&2
    exit "$(cat "$run/code")"
}

case $digest in *[!0-9a-f]*) usage "$digest is no SHA-256" ;; esac
[ ${#digest} = 64 ] || usage "the second argument is a SHA-256, in lower case"
case $word in
take) take "$@" ;;
has)
    if [ -f "$bundle" ] || { [ -f "$work/facts" ] && read_bundle && installed; }; then echo yes; else echo no; fi
    ;;
manifest)
    find_engine
    cat "${engine%/bin/engine}/manifest.json"
    ;;
check | report)
    find_engine
    exec "$engine" "$word" --json
    ;;
summary)
    find_engine
    exec "$engine" report --summary --json
    ;;
rehearse | upgrade | agents) await "$@" ;;
run) # by begin
    word=${3-}
    case $word in
    rehearse)
        find_engine
        exec "$engine" rehearse --json
        ;;
    upgrade | agents) "$word" ;;
    *) usage "$word takes no run" ;;
    esac
    ;;
forget) rm -rf "$bundle" "$work/unpacked" "$work/unpacked".* ;;
*) usage "there is no word $word" ;;
esac
