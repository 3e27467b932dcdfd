#!/bin/bash
# rpmpack writes Epoch 0 where none was given; to rpm that is the same package, and %{NEVRA} and %{EVR} call it another.
#
# google/rpmpack 0.7.1, rpm 4.18.0 (Debian 12). The zero value of RPMMetaData.Epoch means 0, not none: rpmpack.NoEpoch has to be said. rpmbuild writes no tag.
# rpm orders both alike and refuses the one where the other is ("is already installed"), rpm -qa and rpm -q print both alike. But %{NEVRA} and %{EVR} have "0:"
# for one only: lists made with them and compared as text differ between packages that rpm takes for the same. %{EPOCHNUM} is 0 for both.
#
# Seen:  p-1.0-1.noarch 1.0-1 (none) 0   and   p-0:1.0-1.noarch 0:1.0-1 0 0   rpm -i of the one beside the other: package p-1.0-1.noarch is already installed
set -eu
need() { [ "$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null)" = "$2" ] || apt-get install -y --no-install-recommends "$1=$2" >&2 || { echo "cannot install $1=$2"; exit 2; }; }
changed() { echo "CHANGED: $*"; exit 1; }
need rpm 4.18.0+dfsg-1+deb12u1
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'rm -rf "$work"' EXIT; cd "$work"
# build NAME VERSION [INSTALL] [FILES] [SECTIONS] [PREAMBLE]: makes NAME-VERSION.rpm; scriptlets are in rpm's own Lua, so that the root needs no shell.
build() {
	printf 'Name: %s\nVersion: %s\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\nAutoReqProv: no\n%s\n%%description\nx\n%%install\nmkdir -p %%{buildroot}/opt; cd %%{buildroot}/opt\n%s\n%s\n%%files\n%s\n' \
		"$1" "$2" "${6:-}" "${3:-}" "${5:-}" "${4:-}" >"$1.spec"
	rpmbuild -bb --quiet --define "_topdir $work/top" --define "_rpmdir $work" --define "_build_name_fmt %%{NAME}-%%{VERSION}.rpm" "$1.spec" >log 2>&1 || { cat log; exit 2; }
}
# in_root ARGUMENTS: rpm in the root, with what it says on one output; its exit code is kept.
in_root() {
	local out code=0
	out=$(rpm --root "$work/root" "$@" 2>&1) || code=$?
	grep -v -e '^$' -e 'should not be used directly' -e 'assuming you know' <<<"$out" || true
	return "$code"
}
command -v go >/dev/null || { echo "no go here"; exit 2; }
export GOFLAGS=-mod=mod GOWORK=off
printf 'module finding\n\ngo 1.25\n' >go.mod
go get github.com/google/rpmpack@v0.7.1 >log 2>&1 || { cat log; exit 2; }

cat >main.go <<'EOF'
package main

import (
	"os"

	"github.com/google/rpmpack"
)

func main() {
	r, err := rpmpack.NewRPM(rpmpack.RPMMetaData{Name: "p", Version: "1.0", Release: "1", Arch: "noarch", Summary: "x", Description: "x", Licence: "MIT"})
	if err != nil {
		panic(err)
	}
	r.AddFile(rpmpack.RPMFile{Name: "/opt/f", Body: []byte("1\n"), Mode: 0o100644, Owner: "root", Group: "root"})
	if err := r.Write(os.Stdout); err != nil {
		panic(err)
	}
}
EOF
go build -o pack . >log 2>&1 || { cat log; exit 2; }
./pack >packed.rpm
build p 1.0 'echo 1 >f' /opt/f; mv p-1.0.rpm built.rpm
named() { rpm -qp --qf '%{NEVRA} %{EVR} %{EPOCH} %{EPOCHNUM}\n' "$1"; }
named built.rpm; named packed.rpm
[ "$(named built.rpm)" = "p-1.0-1.noarch 1.0-1 (none) 0" ] || changed "rpmbuild's"
[ "$(named packed.rpm)" = "p-0:1.0-1.noarch 0:1.0-1 0 0" ] || changed "rpmpack's"
[ "$(rpm -qp built.rpm)" = "$(rpm -qp packed.rpm)" ] || changed "rpm -qp prints them differently"
in_root -i packed.rpm
out=$(in_root -i built.rpm) && changed "both can be installed"
echo "$out"
case $out in *"package p-1.0-1.noarch is already installed"*) ;; *) changed "it is refused with another reason" ;; esac
echo "as described"
