#!/bin/bash
# A Go library that reads RPM headers gives what a package supplements the comparison of what it suggests.
#
# cavaliergopher/rpm 1.3.0, against rpm 4.18.0 (Debian 12). Supplements() takes its flags from RPMTAG_SUGGESTFLAGS (5051) instead of RPMTAG_SUPPLEMENTFLAGS (5054). So "Supplements: big > 1"
# beside "Suggests: fair < 3" comes out as "big < 1".
#
# Seen:  rpm: big > 1    cavaliergopher: big < 1
set -eu
need() { [ "$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null)" = "$2" ] || apt-get install -y --no-install-recommends "$1=$2" >&2 || { echo "cannot install $1=$2"; exit 2; }; }
changed() { echo "CHANGED: $*"; exit 1; }
need rpm 4.18.0+dfsg-1+deb12u1
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v go >/dev/null || { echo "no go here"; exit 2; }
export GOFLAGS=-mod=mod GOWORK=off
printf 'module finding\n\ngo 1.25\n' >go.mod
go get github.com/cavaliergopher/rpm@v1.3.0 >log 2>&1 || { cat log; exit 2; }

cat >s.spec <<'EOF'
Name: s
Version: 1
Release: 1
Summary: s
License: MIT
BuildArch: noarch
Suggests: fair < 3
Supplements: big > 1
%description
s
%files
EOF
rpmbuild -bb --define "_topdir $work" --define "_rpmdir $work" s.spec >log 2>&1 || { cat log; exit 2; }

cat >main.go <<'EOF'
package main

import (
	"fmt"
	"os"

	"github.com/cavaliergopher/rpm"
)

func main() {
	p, err := rpm.Open(os.Args[1])
	if err != nil {
		panic(err)
	}
	for _, d := range p.Supplements() {
		fmt.Println(d)
	}
}
EOF
go build -o read . >log 2>&1 || { cat log; exit 2; }
by_rpm=$(rpm --dbpath "$work" -qp --supplements noarch/s-1-1.noarch.rpm)
by_library=$(./read noarch/s-1-1.noarch.rpm)
echo "rpm: $by_rpm    cavaliergopher: $by_library"
[ "$by_rpm" = "big > 1" ] || changed "rpm says $by_rpm"
[ "$by_library" = "big < 1" ] || changed "the library says $by_library"
echo "as described"
