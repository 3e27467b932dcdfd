#!/bin/bash
# libdnf's lock of the package system is a number in a file: no kernel lock, any living process counts, and a download holds none.
#
# libdnf 0.69.0 (Debian 12), the C library below PackageKit's dnf backend and microdnf. Its transaction writes the process's number to dnf-rpmdb.lock (DnfLock; in /run for
# PackageKit, below /var/cache/yum/lock for microdnf) and removes it at its end; dnf and yum look at other files (rpmdb_lock.pid, yum.pid), dnf5 at locks of the kernel. A
# transaction is refused while any process has the number that is there, though that be another program, as after a crash; a number that nobody has is written
# over. While packages are downloaded nothing tells of it, neither a note nor a lock: whoever looks then sees an idle machine. rpm's own lock is there in the transaction only;
# with PackageKit 1.2.6 and 400 packages it came 1.2 s after the note and went 0.5 s before it.
#
# Seen:  in the download: no note, no lock    in the transaction: a note with its number    then: no note    a stranger's number: already locked by sleep    nobody's: installed
set -eu
need() { [ "$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null)" = "$2" ] || apt-get install -y --no-install-recommends "$1=$2" >&2 || { echo "cannot install $1=$2"; exit 2; }; }
changed() { echo "CHANGED: $*"; exit 1; }
need rpm 4.18.0+dfsg-1+deb12u1
need libdnf2 0.69.0-2
need createrepo-c 0.17.3-2
command -v python3 >/dev/null || { echo "no python3 here"; exit 2; }
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT; cd "$work"
mkdir -p root/usr root/tmp repo repos
for name in a b; do # the scriptlet is in rpm's own Lua, as the root has no shell, and waits until the test has looked
	printf 'Name: %s\nVersion: 1\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\nAutoReqProv: no\n%%description\nx\n%%files\n%%post -p <lua>\n' "$name" >spec
	echo 'if posix.stat("/tmp/wait") then io.open("/tmp/here", "w"):close(); while posix.stat("/tmp/wait") do posix.sleep(1) end end' >>spec
	rpmbuild -bb --quiet --define "_topdir $work/top" --define "_rpmdir $work/repo" --define '_build_name_fmt %{NAME}.rpm' spec >log 2>&1 || { cat log; exit 2; }
done
createrepo_c -q repo
cat >serve.py <<'END'
# a repository whose packages wait until the file "go" is there
import functools, http.server, os, time
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path.endswith(".rpm"):
            open("asked", "w").close()
            while not os.path.exists("go"): time.sleep(0.05)
        super().do_GET()
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory="repo"))
open("port.new", "w").write(str(server.server_port)); os.rename("port.new", "port")
server.serve_forever()
END
cat >install.py <<'END'
# install.py FOLDER NAME: libdnf installs a package
import ctypes, sys
work, dnf = sys.argv[1], ctypes.CDLL("libdnf.so.2")
dnf.dnf_context_new.restype = ctypes.c_void_p
def must(done, error):
    if not done: sys.exit("libdnf: " + ctypes.string_at(ctypes.cast(error, ctypes.POINTER(ctypes.c_void_p))[1]).decode())
def text(value): return ctypes.c_char_p((work + value).encode())
dnf.dnf_context_set_config_file_path(b"")
context, error = ctypes.c_void_p(dnf.dnf_context_new()), ctypes.c_void_p()
for option, folder in dict(install_root="/root", repo_dir="/repos", cache_dir="/cache", solv_dir="/solv", lock_dir="/lock").items():
    getattr(dnf, "dnf_context_set_" + option)(context, text(folder))
dnf.dnf_context_set_release_ver(context, b"1")
must(dnf.dnf_context_setup(context, None, ctypes.byref(error)), error)
must(dnf.dnf_context_install(context, sys.argv[2].encode(), ctypes.byref(error)), error)
must(dnf.dnf_context_run(context, None, ctypes.byref(error)), error)
END
await() { for _ in $(seq 600); do "$@" && return; sleep 0.1; done; echo "waited for a minute for: $*"; exit 2; }
# locks PROCESS: what it has locked in the kernel of files that are there for locks, and the notes of libdnf
locks() { awk -v pid="$1" '$5 == pid { split($6, of, ":"); print of[3] }' /proc/locks | while read -r inode; do find "$work" -inum "$inode" -name '*.lock' -printf '%f '; done; for note in lock/dnf-*; do [ ! -e "$note" ] || printf '%s=%s ' "${note##*/}" "$(sed "s/^$1\$/its number/" "$note")"; done; }
python3 serve.py & await test -e port
printf '[new]\nname=new\nbaseurl=http://127.0.0.1:%s\nenabled=1\ngpgcheck=0\n' "$(cat port)" >repos/new.repo
touch root/tmp/wait
python3 install.py "$work" a >out 2>&1 & installs=$!
await test -e asked; download=$(locks $installs)
touch go; await test -e root/tmp/here; transaction=$(locks $installs)
rm root/tmp/wait; wait $installs || { cat out; exit 2; }
after=$(locks $installs)
sleep 600 & stranger=$!
printf %s $stranger >lock/dnf-rpmdb.lock
code=0; refused=$(python3 install.py "$work" b 2>&1) || code=$?
kill $stranger; wait $stranger || true
python3 install.py "$work" b >out 2>&1 || { cat out; changed "a number that nobody has"; }
printf '%s\n' "in the download: ${download:-no note, no lock}" "in the transaction: $transaction" "then: ${after:-no note, no lock}" "a stranger's number: $code, $refused" "nobody's: installed"
[ -z "$download" ] || changed "in the download"
[ "$transaction" = ".rpm.lock dnf-rpmdb.lock=its number " ] || changed "in the transaction"
[ -z "$after" ] || changed "after the transaction"
[ $code != 0 ] && grep -q "already locked by sleep" <<<"$refused" || changed "a stranger's number"
echo "as described"
