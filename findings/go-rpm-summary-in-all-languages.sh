#!/bin/bash
# A Go library that reads RPM headers gives a summary in all its languages at once.
#
# cavaliergopher/rpm 1.3.0, against rpm 4.18.0 (Debian 12). A translated text is a list with one text for each language of the header's table, the original first; rpm
# picks one. Summary() and Description() join all of them with line ends, as if they were lines of one text.
#
# Seen:  rpm: A sample    cavaliergopher: A sample/Ein Beispiel
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
Summary: A sample
Summary(de): Ein Beispiel
License: MIT
BuildArch: noarch
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
	"strings"

	"github.com/cavaliergopher/rpm"
)

func main() {
	p, err := rpm.Open(os.Args[1])
	if err != nil {
		panic(err)
	}
	fmt.Println(strings.ReplaceAll(p.Summary(), "\n", "/"))
}
EOF
go build -o read . >log 2>&1 || { cat log; exit 2; }
by_rpm=$(LC_ALL=C rpm --dbpath "$work" -qp --qf '%{SUMMARY}' noarch/s-1-1.noarch.rpm)
by_library=$(./read noarch/s-1-1.noarch.rpm)
echo "rpm: $by_rpm    cavaliergopher: $by_library"
[ "$by_rpm" = "A sample" ] || changed "rpm says $by_rpm"
[ "$by_library" = "A sample/Ein Beispiel" ] || changed "the library says $by_library"
echo "as described"
