// Package second upgrades a product that has nothing to do with the first: its
// bundle comes from the files in this folder and the same two programs.
package second

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/test/host"
)

// run runs a program in a folder.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// bundle copies the project, builds its packages, locks them, and builds the bundle.
func bundle(t *testing.T) (project string) {
	t.Helper()
	project = t.TempDir()
	for _, dir := range []string{"versions", "specs"} {
		if err := os.CopyFS(filepath.Join(project, dir), os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
	}
	sources, err := filepath.Abs("components")
	if err != nil {
		t.Fatal(err)
	}
	for _, release := range []string{"1.0", "2.0"} {
		for _, spec := range []string{"almanac.spec", "almanac-sayings.spec"} {
			run(t, sources, "rpmbuild", "--quiet", "-bb", "--define", "release_of "+release, "--define", "_topdir "+t.TempDir(),
				"--define", "_sourcedir "+sources, "--define", "_rpmdir "+filepath.Join(project, "dist"),
				"--define", "_build_name_fmt "+release+"/%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm", spec)
		}
	}
	bundler, engine := filepath.Join(t.TempDir(), "bundler"), filepath.Join(project, "dist", "engine")
	run(t, "../..", "go", "build", "-o", bundler, "./bundler")
	run(t, "../..", "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", engine, "./payload-scripts")
	key, err := filepath.Abs("../keys/demo.key.asc")
	if err != nil {
		t.Fatal(err)
	}
	run(t, project, bundler, "lock", "1.0")
	run(t, project, bundler, "lock", "2.0")
	run(t, project, bundler, "check", "1.0-2.0")
	run(t, project, bundler, "matrix", "--check")
	run(t, project, bundler, "build", "1.0-2.0", "--key", key)
	return project
}

// TestAnotherProduct upgrades it on a machine: packages, configuration, state, service.
func TestAnotherProduct(t *testing.T) {
	t.Parallel()
	dist := filepath.Join(bundle(t), "dist")
	m := host.Start(t, host.Options{})
	for inside, path := range map[string]string{"/root/1.0": filepath.Join(dist, "1.0"), "/root/bundle.rpm": filepath.Join(dist, "almanac-upgrade-2.0.rpm")} {
		if err := m.CopyIn(path, inside); err != nil {
			t.Fatal(err)
		}
	}
	m.Sh(t, `su postgres -c "psql -Xq -v ON_ERROR_STOP=1" <<'END'
create role almanac login password 'it''s: $5 #';
create database almanac owner almanac;
\c almanac
set role almanac;
create table edition (release text);
insert into edition values ('1.0');
END
		dnf install -y /root/1.0/*.rpm && sed -i 's/Good day/Good morning/; s/^DB_PASSWORD=.*/DB_PASSWORD="it'"'"'s: \\$5 #"/' /etc/almanac.conf && systemctl enable --now almanac
		for i in $(seq 600); do curl -fsS http://127.0.0.1:7070/version && break; sleep 0.1; done`)
	var before, after struct {
		Greeting, Saying string
		Asked            int
	}
	ask := func(into any) {
		t.Helper()
		if err := json.Unmarshal([]byte(m.Sh(t, "curl -fsS http://127.0.0.1:7070/saying")), into); err != nil {
			t.Fatal(err)
		}
	}
	ask(&before)
	wayBack(t, m)
	if code, out := m.ShCode(t, "dnf install -y /root/bundle.rpm && almanac-upgrade wait"); code != 0 {
		_, report := m.ShCode(t, "almanac-upgrade report; almanac-upgrade check")
		t.Fatalf("exit %d\n%s\n%s", code, out, report)
	}
	ask(&after)
	if before.Asked != 1 || after.Asked != 2 {
		t.Errorf("its state: asked %d times before and %d after", before.Asked, after.Asked)
	}
	if after.Greeting != "Good morning" || !strings.Contains(after.Saying, "(2.0)") {
		t.Errorf("%+v", after)
	}
	if got := m.Sh(t, edition+"; grep ^D /etc/almanac.conf"); got !=
		"2.0|\nDATABASE_HOST=127.0.0.1\nDATABASE_NAME=almanac\nDATABASE_USER=almanac\nDATABASE_PASSWORD=\"it's: \\$5 #\"" {
		t.Errorf("the database and the keys of its connection:\n%s", got)
	}
	if got := m.Sh(t, "rpm -q almanac almanac-sayings; rpm -V almanac-sayings; grep -c LANGUAGE=en /etc/almanac.conf; ls /etc/almanac.conf*"); got !=
		"almanac-2.0-1.noarch\nalmanac-sayings-2.0-1.noarch\n1\n/etc/almanac.conf" {
		t.Errorf("packages and configuration:\n%s", got)
	}
}

// edition prints the one row of the product's table.
const edition = `su postgres -c "psql -XAt -d almanac -c 'select * from edition'"`

// wayBack starts an upgrade whose last migration the database refuses: by then the host's file
// names the connection by the new release's keys, and still the schema is taken back.
func wayBack(t *testing.T, m *host.Machine) {
	t.Helper()
	m.Sh(t, `mkdir -p /etc/almanac-upgrade && touch /etc/almanac-upgrade/manual
		su postgres -c "psql -Xq -d almanac -c \"alter table edition add constraint stays check (release = '1.0')\""
		dnf install -y /root/bundle.rpm`)
	if code, out := m.ShCode(t, "almanac-upgrade start; almanac-upgrade wait"); code != 4 {
		_, report := m.ShCode(t, "almanac-upgrade report; almanac-upgrade log")
		t.Fatalf("exit %d, want 4\n%s\n%s", code, out, report)
	}
	if got := m.Sh(t, edition+"; grep -c ^DB_ /etc/almanac.conf; grep -c ^DATABASE /etc/almanac.conf || true; rpm -q almanac; almanac-upgrade report | grep -q 'schema to new' && echo got there"); got !=
		"1.0\n4\n0\nalmanac-1.0-1.noarch\ngot there" {
		t.Errorf("after the way back:\n%s", got)
	}
	m.Sh(t, `su postgres -c "psql -Xq -d almanac -c 'alter table edition drop constraint stays'"
		rm /etc/almanac-upgrade/manual && dnf remove -y almanac-upgrade-2.0`)
}
