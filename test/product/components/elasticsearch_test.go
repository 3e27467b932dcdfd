package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/test/product/internal/product"
)

// In a copy of this machine's root that takes all that is written, which is gone with the process.
const inCopy = `
set -eu
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
cp "$2" "$1/root/elasticsearch.rpm"
exec chroot "$1/root" sh -c "$3" < /dev/null 2>&1
`

// The package through its life, with rpm and its scriptlets.
const packageLife = `
set -eu
cd /
rpm="rpm --dbpath /rpmdb --nodeps"
echo "== install"
$rpm -i elasticsearch.rpm
$rpm -V elasticsearch && echo "as packed"
stat -c '%n %U' /var/lib/elasticsearch /usr/share/elasticsearch/bin/elasticsearch
echo "== start"
mkfifo log
ES_HEAP_SIZE=128m timeout -s KILL 120 setpriv --reuid elasticsearch --regid elasticsearch --clear-groups /usr/share/elasticsearch/bin/elasticsearch \
	-Des.network.host=127.0.0.1 -Des.http.port=0 -Des.transport.tcp.port=0 -Des.discovery.zen.ping.multicast.enabled=false -Des.discovery.zen.ping.timeout=200ms \
	-Des.default.config=/etc/elasticsearch/elasticsearch.yml -Des.default.path.conf=/etc/elasticsearch -Des.default.path.data=/var/lib/elasticsearch > log 2>&1 < /dev/null &
said=
while read -r line; do
	case $said,$line in
		started,*) ;; # what it says of its end
		*recovered*into*) said=started; kill $!;;
		*) said="$said$line;";;
	esac
done < log
wait $! || echo "$said, exit code $?"
ls -d /var/lib/elasticsearch/elasticsearch/nodes/0
echo "== in its own place"
mkdir -p /usr/share/elasticsearch/plugins/head
$rpm -U --replacepkgs elasticsearch.rpm || echo "exit code $?"
echo "== a third one"
for script in prein postin preun postun; do
	rpm --dbpath /rpmdb -q --qf "%{$script}" elasticsearch > script
	sh script 3 >/dev/null || echo "$script: exit code $?"
done
echo "== erase"
echo ES_HEAP_SIZE=2g >> /etc/sysconfig/elasticsearch
$rpm -e elasticsearch
for gone in /var/log/elasticsearch /usr/share/elasticsearch/plugins /var/run/elasticsearch; do [ ! -e $gone ] || echo "$gone is there"; done
id elasticsearch || true
stat -c '%n %U' /var/lib/elasticsearch
`

func TestElasticsearchPackage(t *testing.T) {
	t.Parallel()
	p, err := elasticsearchPackage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	made, err := p.write(dir, product.Release{})
	if err != nil {
		t.Fatal(err)
	}
	if made.File != "elasticsearch-1.6.0-1.noarch.rpm" {
		t.Error(made.File)
	}
	if again, err := p.write(t.TempDir(), product.Release{}); err != nil || again != made {
		t.Errorf("made twice: %+v, %+v, %v", made, again, err)
	}
	place := filepath.Join(dir, "place")
	if err := os.Mkdir(place, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", inCopy, "sh", place, filepath.Join(dir, made.File), packageLife)
	b, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	said := string(b)
	for _, part := range []struct {
		title string
		want  []string
	}{
		{"install", []string{"NOT starting on installation", "as packed", "/var/lib/elasticsearch elasticsearch", "bin/elasticsearch root"}},
		{"start", []string{"started, exit code 143", "nodes/0"}},
		{"in its own place", []string{"post remove script called with unknown argument `1'", "%postun(elasticsearch-1.6.0-1.noarch) scriptlet failed"}},
		{"a third one", []string{"prein: exit code 1", "postin: exit code 1", "preun: exit code 1", "postun: exit code 1"}},
		{"erase", []string{"sysconfig/elasticsearch.rpmsave", "Unable to source environment file", "no such user", "/var/lib/elasticsearch UNKNOWN"}},
	} {
		_, rest, found := strings.Cut(said, "== "+part.title+"\n")
		text, _, _ := strings.Cut(rest, "\n== ")
		for _, want := range part.want {
			if !found || !strings.Contains(text, want) {
				t.Errorf("%s: %q is not in\n%s", part.title, want, text)
			}
		}
		if strings.Contains(text, " is there") {
			t.Errorf("%s:\n%s", part.title, text)
		}
	}
}
