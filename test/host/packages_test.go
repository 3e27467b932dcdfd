package host_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/rpmpack"

	"onerpm/test/host"
)

// smallRPM writes a package with one file and a scriptlet into dir.
func smallRPM(t *testing.T, dir, version string) {
	t.Helper()
	pkg, err := rpmpack.NewRPM(rpmpack.RPMMetaData{
		Name: "small", Version: version, Release: "1", Arch: "noarch", Epoch: rpmpack.NoEpoch,
		Summary: "small", Licence: "Apache-2.0", BuildTime: time.Unix(1735689600, 0),
		Requires: rpmpack.Relations{{Name: "/bin/sh"}, {Name: "postgresql-server"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	pkg.AddFile(rpmpack.RPMFile{Name: "/opt/small/version", Body: []byte(version), Mode: 0o100644, Owner: "root", Group: "root"})
	pkg.AddPostin("echo " + version + " $1 >> /root/post")
	var out bytes.Buffer
	if err := pkg.Write(&out); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "small-"+version+".rpm"), out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// rpm, dnf and yum work as on a customer's machine: from files, from a repository
// out here, up, down, and away.
func TestPackages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, v := range []string{"1", "2", "3"} {
		smallRPM(t, dir, v)
	}
	m := host.Start(t, host.Options{})
	if err := m.CopyIn(dir, "/srv/small"); err != nil {
		t.Fatal(err)
	}
	m.Sh(t, "rpm -U /srv/small/small-1.rpm")
	m.Sh(t, "yum -y install /srv/small/small-2.rpm")
	serveRepository(t, m, "/srv/small")
	m.Sh(t, "dnf -y update")
	if got := m.Sh(t, "cat /root/post; rpm -V small; cat /opt/small/version; dnf -q repoquery --installed small"); got !=
		"1 1\n2 2\n3 2\n3small-0:3-1.noarch" {
		t.Errorf("after install and two upgrades:\n%s", got)
	}
	m.Sh(t, "rpm -U --oldpackage /srv/small/small-1.rpm && dnf -y remove small && ! rpm -q small && test ! -e /opt/small/version")
	if err := m.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := m.Sh(t, "rpm -qa; dnf -q history list | grep -c '|'"); got != "host-base-12-1.noarch\n4" {
		t.Errorf("after a reboot: %q", got)
	}
}

// serveRepository makes a repository of a folder in the machine and serves it from out here
// on the machine's own loopback.
func serveRepository(t *testing.T, m *host.Machine, folder string) {
	t.Helper()
	m.Sh(t, "createrepo_c -q "+folder)
	l, err := m.Listen(t.Context(), "tcp", "127.0.0.1:8000")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.FileServer(http.Dir(m.Path(folder))), ReadHeaderTimeout: time.Minute}
	t.Cleanup(func() { _ = server.Close() })
	go func() { _ = server.Serve(l) }()
	m.Sh(t, `printf '[test]\nname=test\nbaseurl=http://127.0.0.1:8000/\ngpgcheck=0\n' > /etc/yum.repos.d/test.repo`)
}
