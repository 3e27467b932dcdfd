#!/bin/bash
# rpm waits for another rpm when its standard input is a terminal, and fails at once when it is not.
#
# rpm 4.18.0 (Debian 12). The lock is taken while another process has it. The same command typed by hand waits, with a warning, and succeeds; from cron, a unit,
# a pipeline, or with </dev/null it exits with 1 at once. rpm --help has no option for it. What was tried by hand does not show what the job will do, and a job
# must wait itself.
#
# Seen:  at a terminal: warning: waiting for transaction lock on .../.rpm.lock, 0   with </dev/null: error: can't create transaction lock on ... , 1
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
command -v python3 >/dev/null && command -v script >/dev/null || { echo "no python3, or no script(1), here"; exit 2; }
cat >hold.py <<'EOF'
import fcntl, os, struct, sys, time
f = os.open(sys.argv[1], os.O_RDWR)
fcntl.fcntl(f, fcntl.F_SETLK, struct.pack("hhqqi", fcntl.F_WRLCK, 0, 0, 0, 0))
open("held", "w").close()
time.sleep(5)
EOF
build p 1; in_root -i p-1.rpm
lock=$(find "$work/root" -name .rpm.lock)
[ -n "$lock" ] || changed "there is no .rpm.lock"
# try INPUT: rpm at a terminal, with its standard input from there or from elsewhere, while the lock is held for five seconds
try() {
	local code=0
	rm -f held; python3 hold.py "$lock" &
	while [ ! -e held ]; do sleep 0.1; done
	script -qec "rpm --root $work/root -U --replacepkgs p-1.rpm $1" /dev/null >said 2>&1 </dev/null || code=$?
	echo "rpm -U $1 -> $code $(grep -o -e 'warning: .*lock' -e 'error: .*lock on' said)"
	wait
	return $code
}
try '' || changed "at a terminal rpm does not wait"
grep -q 'waiting for transaction lock' said || changed "at a terminal rpm does not say that it waits: $(cat said)"
try '</dev/null' && changed "without a terminal rpm waits too"
grep -q "can't create transaction lock" said || changed "without a terminal rpm fails with: $(cat said)"
echo "as described"
