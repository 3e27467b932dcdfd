#!/bin/bash
# rpm's transaction lock is a POSIX lock: flock(1) on the same file holds nobody off, and reading the file once drops a POSIX lock of one's own.
#
# rpm 4.18.0 (Debian 12). Who wants to keep rpm away while he looks at the machine takes the lock of <dbpath>/.rpm.lock. flock -n succeeds, and rpm installs
# beside it. fcntl(F_SETLK) works, until any code in the same process opens the lock file and closes it - a listing, a checksum, a library: then the lock is
# gone, though its file is still open. A lock of the open file, F_OFD_SETLK, conflicts with rpm's and stays. rpm -U --test asks for none of them: it says 0
# while somebody else has the lock.
#
# Seen:  held by flock: 0.   by fcntl: 1, can't create transaction lock on .../.rpm.lock (Resource temporarily unavailable).   by fcntl, after a look at the file: 0
#        by F_OFD_SETLK: 1   and after a look at the file: 1   and rpm -U --test: 0
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
command -v python3 >/dev/null || { echo "no python3 here"; exit 2; }
# hold KIND LOOK FILE COMMAND: holds the lock while the command runs; with LOOK yes the file is opened and closed once meanwhile.
cat >hold.py <<'EOF'
import fcntl, os, struct, subprocess, sys
kind, look, path = sys.argv[1:4]
f = os.open(path, os.O_RDWR)
if kind == "flock":
    fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
else:
    fcntl.fcntl(f, getattr(fcntl, kind), struct.pack("hhqqi", fcntl.F_WRLCK, 0, 0, 0, 0))
if look == "yes":
    os.close(os.open(path, os.O_RDONLY))
sys.exit(subprocess.call(sys.argv[4:]))
EOF
build p 1; in_root -i p-1.rpm
lock=$(find "$work/root" -name .rpm.lock)
[ -n "$lock" ] || changed "there is no .rpm.lock"
# with KIND LOOK WANT [OPTION]: rpm under the lock, and the exit code that it should have
with() {
	local code=0 out
	out=$(python3 hold.py "$1" "$2" "$lock" rpm --root "$work/root" -U --replacepkgs ${4:-} p-1.rpm 2>&1 </dev/null) || code=$?
	echo "$1, looked at: $2 ${4:-} -> $code $(grep -o "can't create.*" <<<"$out")"
	[ $code = "$3" ] || changed "under $1 (looked at: $2) rpm ${4:-} says $code: $out"
}
with flock no 0
with F_SETLK no 1
with F_SETLK yes 0
with F_OFD_SETLK no 1
with F_OFD_SETLK yes 1
with F_OFD_SETLK no 0 --test
echo "as described"
