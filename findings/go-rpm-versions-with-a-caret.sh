#!/bin/bash
# Two Go libraries that compare versions "as rpm does" take a snapshot after 1.0 for newer than 1.0.1.
#
# cavaliergopher/rpm 1.3.0 and sassoftware/go-rpmutils 0.4.0, against rpm 4.18.0 (Debian 12). Distributions write a snapshot after a release as
# 1.0^20240101.gabc: newer than 1.0, older than anything that begins with 1.0 and goes on. The caret came with rpm 4.15; both libraries know the tilde and take
# the caret for a separator, like a dot. So for them the snapshot is newer than 1.0.1, and a service that decides by them offers no upgrade, or a downgrade.
# Letters after the caret hide it: 1.0^git1 is right by chance.
#
# Seen (rpm, cavaliergopher, sassoftware):  1.0^20240101.gabc 1.0.1: -1 1 1    1.0^1 1.0a: -1 1 1    1.0^ 1.0: 1 0 0
#        1.0^git1 1.0.1: -1 -1 -1    1.0~rc1 1.0: -1 -1 -1
set -eu
need() { [ "$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null)" = "$2" ] || apt-get install -y --no-install-recommends "$1=$2" >&2 || { echo "cannot install $1=$2"; exit 2; }; }
changed() { echo "CHANGED: $*"; exit 1; }
need rpm 4.18.0+dfsg-1+deb12u1
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v go >/dev/null || { echo "no go here"; exit 2; }
export GOFLAGS=-mod=mod GOWORK=off
printf 'module finding\n\ngo 1.25\n' >go.mod
go get github.com/cavaliergopher/rpm@v1.3.0 github.com/sassoftware/go-rpmutils@v0.4.0 >log 2>&1 || { cat log; exit 2; }

cat >main.go <<'EOF'
package main

import (
	"fmt"
	"os"

	"github.com/cavaliergopher/rpm"
	rpmutils "github.com/sassoftware/go-rpmutils"
)

func main() {
	a, b := os.Args[1], os.Args[2]
	fmt.Println(rpm.CompareVersions(a, b), rpmutils.Vercmp(a, b))
}
EOF
go build -o compare . >log 2>&1 || { cat log; exit 2; }
# order A B WANT: rpm's order, and those of the libraries
order() {
	local got
	got="$(rpm --eval "%{lua:print(rpm.vercmp('$1', '$2'))}") $(./compare "$1" "$2")"
	echo "$1 $2: $got"
	[ "$got" = "$3" ] || changed "$1 against $2 is $got, was $3"
}
order '1.0^20240101.gabc' 1.0.1 '-1 1 1'
order '1.0^1' 1.0a '-1 1 1'
order '1.0^' 1.0 '1 0 0'
order '1.0^git1' 1.0.1 '-1 -1 -1'
order '1.0~rc1' 1.0 '-1 -1 -1'
echo "as described"
