#!/bin/bash
# dnf takes metadata and packages of one command from two readings of a mirror list: what the list says may change in between.
#
# dnf 4.14.0 with librepo 1.14.5 (Debian 12). `dnf install` reads the file of mirrorlist= once for the metadata, and once more when it downloads packages, without a look at the
# metadata of the places that are named then. A list that is used as a pointer (one address, changed when the next state of the repository is complete) so leads
# to the metadata of one state and to packages of another: where packages lie relative to the state, one that the next state does not have is not found.
#
# Seen:  the list is read 2 times    metadata from: first    package asked at: second    exit 1
set -eu
need() { [ "$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null)" = "$2" ] || apt-get install -y --no-install-recommends "$1=$2" >&2 || { echo "cannot install $1=$2"; exit 2; }; }
changed() { echo "CHANGED: $*"; exit 1; }
need rpm 4.18.0+dfsg-1+deb12u1
need libdnf2 0.69.0-2
need librepo0 1.14.5-3
need dnf 4.14.0-3+deb12u1
need createrepo-c 0.17.3-2
command -v python3 >/dev/null || { echo "no python3 here"; exit 2; }
work=$(mktemp -d /var/tmp/finding.XXXXXX); server=; trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT; cd "$work"
for version in 1 2; do
	state=$([ $version = 1 ] && echo first || echo second)
	mkdir $state
	printf 'Name: p\nVersion: %s\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\nAutoReqProv: no\n%%description\nx\n%%files\n' $version >spec
	rpmbuild -bb --quiet --define "_topdir $work/top" --define "_rpmdir $work/$state" --define '_build_name_fmt %{NAME}-%{VERSION}.rpm' spec >log 2>&1 || { cat log; exit 2; }
	createrepo_c -q $state
done
# The list names the first state, and the second from the moment on at which the first one's primary was read.
cat >serve.py <<'END'
import http.server, os, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    moved = False
    def do_GET(self):
        with open("asked", "a") as f: f.write(self.path + "\n")
        if self.path == "/list":
            text = ("http://127.0.0.1:%d/%s/\n" % (self.server.server_port, "second" if Handler.moved else "first")).encode()
            self.send_response(200); self.send_header("Content-Length", str(len(text))); self.end_headers(); self.wfile.write(text)
            return
        if "primary" in self.path: Handler.moved = True
        super().do_GET()
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open("port.new", "w") as f: f.write(str(server.server_port))
os.rename("port.new", "port")
server.serve_forever()
END
python3 serve.py & server=$!
for _ in $(seq 100); do [ -e port ] && break; sleep 0.1; done
printf '[main]\nretries=1\n[r]\nname=r\nmirrorlist=http://127.0.0.1:%s/list\ngpgcheck=0\n' "$(cat port)" >conf
mkdir root
code=0
no_proxy='*' dnf -c "$work/conf" --installroot "$work/root" --releasever 1 --setopt reposdir=/nonexistent --setopt cachedir="$work/cache" --setopt plugins=0 -y install --downloadonly p >log 2>&1 || code=$?
reads=$(grep -c '^/list$' asked); metadata=$(grep primary asked | cut -d/ -f2 | sort -u | tr '\n' ' '); package=$(grep 'p-1.rpm' asked | cut -d/ -f2 | sort -u | tr '\n' ' ')
echo "the list is read $reads times    metadata from: $metadata   package asked at: $package   exit $code"
[ "$reads" = 2 ] || changed "how often the list is read"
[ "$metadata$package" = "first second " ] || changed "where metadata and package come from"
[ "$code" = 1 ] || changed "the command's end"
echo "as described"
