#!/bin/bash
# A Go library that unpacks RPMs gives files of packages with a file over 4 GiB two bytes too early.
#
# sassoftware/go-rpmutils 0.4.0, against rpm 4.18.0 (Debian 12). The sizes in a cpio archive end at 4 GiB. When a file of the package is larger, each entry is only the number of its file in the
# header's list: "07070X", eight digits, and two NULs, as everything in the archive begins at a multiple of four. The library does not skip the NULs: contents begin with them, and
# lack their own last two bytes. Packages of format 6 (rpm 6) are all built so.
#
# Seen (first bytes of the file, in hexadecimal):  rpm: 626567696e    go-rpmutils: 0000626567
set -eu
need() { [ "$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null)" = "$2" ] || apt-get install -y --no-install-recommends "$1=$2" >&2 || { echo "cannot install $1=$2"; exit 2; }; }
changed() { echo "CHANGED: $*"; exit 1; }
need rpm 4.18.0+dfsg-1+deb12u1
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v go >/dev/null || { echo "no go here"; exit 2; }
export GOFLAGS=-mod=mod GOWORK=off CGO_ENABLED=0
printf 'module finding\n\ngo 1.25\n' >go.mod
go get github.com/sassoftware/go-rpmutils@v0.4.0 >log 2>&1 || { cat log; exit 2; }

# A file of 4 GiB that is nearly all hole.
cat >s.spec <<'EOF'
%global __os_install_post %{nil}
Name: s
Version: 1
Release: 1
Summary: s
License: MIT
BuildArch: noarch
%description
s
%install
mkdir -p %{buildroot}/opt
printf begin >%{buildroot}/opt/s
truncate -s 4294967296 %{buildroot}/opt/s
%files
/opt/s
EOF
rpmbuild -bb --define "_topdir $work" --define "_rpmdir $work" --define "_binary_payload w1.zstdio" s.spec >log 2>&1 || { cat log; exit 2; }

cat >main.go <<'EOF'
package main

import (
	"fmt"
	"io"
	"os"

	rpmutils "github.com/sassoftware/go-rpmutils"
)

func main() {
	f, err := os.Open(os.Args[1])
	if err != nil {
		panic(err)
	}
	r, err := rpmutils.ReadRpm(f)
	if err != nil {
		panic(err)
	}
	p, err := r.PayloadReaderExtended()
	if err != nil {
		panic(err)
	}
	if _, err := p.Next(); err != nil {
		panic(err)
	}
	first := make([]byte, 5)
	if _, err := io.ReadFull(p, first); err != nil {
		panic(err)
	}
	fmt.Printf("%x\n", first)
}
EOF
go build -o read . >log 2>&1 || { cat log; exit 2; }
# A tar's first file begins after a head of 512 bytes, or of three when its size needs a head of its own.
by_rpm=$(rpm2archive -n - <noarch/s-1-1.noarch.rpm 2>/dev/null | head -c 2048 | grep -c -a begin || true)
by_library=$(./read noarch/s-1-1.noarch.rpm)
echo "rpm: $([ "$by_rpm" = 1 ] && echo 626567696e)    go-rpmutils: $by_library"
[ "$by_rpm" = 1 ] || changed "rpm does not unpack what was packed"
[ "$by_library" = 0000626567 ] || changed "the library reads $by_library"
echo "as described"
