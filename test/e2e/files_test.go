package e2e

import (
	"strings"
	"testing"

	"onerpm/test/host"
)

// TestFiles compares what the comparisons of whole machines rest on with what find and sha256sum say in the machine itself: with a
// file that is mounted over another, links that lead out of the folder, owners without a name, names with odd characters.
func TestFiles(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{})
	m.Sh(t, `mkdir -p /etc/look/deep && cd /etc/look && echo one > one && echo two > two && mount --bind one two
ln -s /etc/passwd link && ln -s nowhere dangling && mkfifo pipe && chmod 4751 one && chown 12345:54321 deep && echo odd > 'deep/a b;c' && mount -t tmpfs none /opt && echo kept > /opt/kept`)
	found := files(t, m, "/etc", "/opt", "/nowhere")
	said := map[string]string{}
	for line := range strings.Lines(m.Sh(t, `find /etc /opt -printf '%p\t%y %m %u:%g %l\n'`)) {
		path, is, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		said[path] = strings.TrimRight(is, " ")
	}
	for line := range strings.Lines(m.Sh(t, `find /etc /opt -type f -exec sha256sum {} +`)) {
		sum, path, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		said[path] += " " + sum
	}
	for path, is := range said {
		if found[path] != is {
			t.Errorf("%s is %q, and the machine says %q", path, found[path], is)
		}
		delete(found, path)
	}
	for path, is := range found {
		t.Errorf("%s is %q, and the machine has none", path, is)
	}
	if said["/etc/look/one"] != said["/etc/look/two"] {
		t.Errorf("what is mounted was not seen: %q, %q", said["/etc/look/one"], said["/etc/look/two"])
	}
}
