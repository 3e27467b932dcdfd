#!/bin/bash
# What rpmpack writes rpm installs, and cpio unpacks into the machine itself; and rpm2cpio calls it a failure.
#
# google/rpmpack 0.7.1, rpm 4.18.0, cpio 2.13 (Debian 12). rpmbuild names files in the payload relative to the root ("./opt/f") and says so (rpmlib(PayloadFilesHavePrefix)); rpmpack names them
# as AddFile was given them, "/opt/f", and rpm installs both alike. `rpm2cpio p.rpm | cpio -idm` in an empty folder, as everybody looks into an RPM, then writes /opt/f of the
# machine, over what is there. The tag of the archive's size (1007 in the signature) has the sum of the files' sizes, without names and heads: rpm -i, rpm -V and rpm -K are content;
# rpm2cpio writes the whole archive and ends with exit code 1. AddFile takes "./opt/f" (the folder in DIRNAMES is then "./opt/"), and AddCustomSig another size.
#
# Seen:  rpmbuild: ./opt/f 0    rpmpack: /opt/f 1    rpm -K: 0    installed: 1    size told 2 of an archive of 248
set -eu
need() { [ "$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null)" = "$2" ] || apt-get install -y --no-install-recommends "$1=$2" >&2 || { echo "cannot install $1=$2"; exit 2; }; }
changed() { echo "CHANGED: $*"; exit 1; }
need rpm 4.18.0+dfsg-1+deb12u1
command -v cpio >/dev/null || { echo "no cpio here"; exit 2; }
command -v go >/dev/null || { echo "no go here"; exit 2; }
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT; cd "$work"
printf 'Name: p\nVersion: 1\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\nAutoReqProv: no\n%%description\nx\n%%install\nmkdir -p %%{buildroot}/opt; echo 1 >%%{buildroot}/opt/f\n%%files\n/opt/f\n' >spec
rpmbuild -bb --quiet --define "_topdir $work/top" --define "_rpmdir $work" --define '_build_name_fmt built.rpm' spec >log 2>&1 || { cat log; exit 2; }
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
	r, err := rpmpack.NewRPM(rpmpack.RPMMetaData{Name: "p", Version: "1", Release: "1", Epoch: rpmpack.NoEpoch, Arch: "noarch", Summary: "x", Description: "x", Licence: "MIT"})
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
# look RPM: the names in its archive, and how rpm2cpio ended
look() { local code=0; rpm2cpio "$1" >archive || code=$?; echo "$(cpio -t --quiet <archive 2>/dev/null | tr '\n' ' ')$code"; }
built=$(look built.rpm); packed=$(look packed.rpm); size=$(stat -c %s archive)
told=$(rpm -qp --qf '%{ARCHIVESIZE}' packed.rpm) # as rpm calls that tag of the signature
code=0; rpm -K --nosignature packed.rpm >/dev/null || code=$?
mkdir -p root/var/lib/rpm && rpm --root "$work/root" -i packed.rpm 2>/dev/null && installed=$(cat root/opt/f)
echo "rpmbuild: $built    rpmpack: $packed    rpm -K: $code    installed: $installed    size told $told of an archive of $size"
[ "$built" = "./opt/f 0" ] || changed "rpmbuild's archive"
[ "$packed" = "/opt/f 1" ] || changed "rpmpack's archive"
[ "$code $installed" = "0 1" ] || changed "what rpm makes of it"
[ "$told" -lt "$size" ] || changed "the size"
echo "as described"
