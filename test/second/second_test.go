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

// bundle copies the project, builds its packages, locks them, and builds the bundle with a bundler built of this one.
func bundle(t *testing.T) (project, bundler string) {
	t.Helper()
	project = t.TempDir()
	for _, dir := range []string{"versions", "specs", "machine"} {
		if err := os.CopyFS(filepath.Join(project, dir), os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
	}
	sources, err := filepath.Abs("components")
	if err != nil {
		t.Fatal(err)
	}
	for release, specs := range map[string][]string{"1.0": {"almanac", "almanac-sayings", "almanac-notes"}, "2.0": {"almanac", "almanac-sayings", "almanac-index"}} {
		for _, spec := range specs {
			// The same bytes each time, so that the layers of its machines are the same.
			run(t, sources, "env", "SOURCE_DATE_EPOCH=1577836800", "rpmbuild", "--quiet", "-bb", "--define", "use_source_date_epoch_as_buildtime 1",
				"--define", "clamp_mtime_to_source_date_epoch 1", "--define", "_buildhost here", "--define", "release_of "+release, "--define", "_topdir "+t.TempDir(),
				"--define", "_sourcedir "+sources, "--define", "_rpmdir "+filepath.Join(project, "dist"),
				"--define", "_build_name_fmt "+release+"/%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm", spec+".spec")
		}
	}
	bundler = filepath.Join(t.TempDir(), "bundler")
	engine := filepath.Join(project, "dist", "engine")
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
	return project, bundler
}

// TestAnotherProduct upgrades it on a machine: packages, configuration, state, service.
func TestAnotherProduct(t *testing.T) {
	t.Parallel()
	project, _ := bundle(t)
	dist := filepath.Join(project, "dist")
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
		dnf install -y /root/1.0/*.rpm && sed -i 's/Good day/Good morning/; s/^DB_PASSWORD=.*/DB_PASSWORD="it'"'"'s: \\$5 #"/' /etc/almanac.conf && systemctl enable --now almanac almanac-notes
		sed -i 's/^store.password=.*/store.password: it'"'"'s\\: $5 #/; s/^store.pool=5/store.pool = 9/' /etc/almanac/store.properties
		sed -i 's/^language = en/; Ours\r\nlanguage: de/; s/$/\r/' /etc/almanac/almanac.ini
		sed -i "s/^first = .*/first = 'sunday'   # ours/" /etc/almanac/almanac.toml
		mkdir -p /var/lib/almanac/letters/anna/deep && echo dear >/var/lib/almanac/letters/anna/deep/1 && chmod 0640 /var/lib/almanac/letters/anna/deep/1
		echo certificate >/root/almanac.pem && echo KEEP=60 >/etc/almanac-notes.conf
		touch -d 2001-02-03 /var/lib/almanac/letters /var/lib/almanac/letters/anna /root/almanac.pem
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
	merged(t, m)
	parts(t, m)
	if got := m.Sh(t, "rpm -q almanac almanac-sayings; rpm -V almanac-sayings; grep -c LANGUAGE=en /etc/almanac.conf; ls /etc/almanac.conf*"); got !=
		"almanac-2.0-1.noarch\nalmanac-sayings-2.0-1.noarch\n1\n/etc/almanac.conf" {
		t.Errorf("packages and configuration:\n%s", got)
	}
}

// merged looks at the files of other formats: what the host had in them is kept, comments, signs, quotes and line ends too, and what is
// new has come.
func merged(t *testing.T, m *host.Machine) {
	t.Helper()
	for file, want := range map[string]string{
		"almanac.ini":  "; What the almanac says\r\n[saying]\r\n; Ours\r\nlanguage: de\r\ncount = 3\r\nsource = classic\r\n\r\n[log]\r\nlevel = info\r\n\r\n[index]\r\nport = 7071\r\n",
		"almanac.toml": "# The calendar\nfirst = 'sunday'   # ours\n\n[feast]\ndays = [\"new year\", \"midsummer\"]\n\n[moon]\nphases = true\n",
		"store.properties": "# Where the editions are\ndatabase.url=jdbc:postgresql://127.0.0.1/almanac\ndatabase.user=almanac\n" +
			"database.password: it's\\: $5 #\ndatabase.pool = 9\ndatabase.retries=3\n",
	} {
		if got := m.Sh(t, "cat /etc/almanac/"+file+"; ls /etc/almanac"); got != want+"almanac.ini\nalmanac.toml\nstore.properties" {
			t.Errorf("%s:\n%q, want\n%q", file, got, want)
		}
	}
}

// conflict wants a value that the host and the release changed told by its key, with the line that decides it.
func conflict(t *testing.T, m *host.Machine) {
	t.Helper()
	const file, line = "/etc/almanac/almanac.ini", "conflict 2.0 /etc/almanac/almanac.ini:saying.count = old"
	m.Sh(t, "cp -p "+file+" /root/saved.ini && sed -i 's/^count = 1/count = 2/' "+file)
	if code, out := m.ShCode(t, "almanac-upgrade check"); code != 3 || !strings.Contains(out, "config-conflict") || !strings.Contains(out, `"`+line+`"`) {
		t.Errorf("check: exit %d, want 3 and how to decide the conflict\n%s", code, out)
	}
	m.Sh(t, "cp -p /root/saved.ini "+file+" && rm /root/saved.ini")
}

// parts looks at what came early, what went late, what moved, and at the values of the host's own.
func parts(t *testing.T, m *host.Machine) {
	t.Helper()
	if got := m.Sh(t, "rpm -q almanac-index; systemctl is-active almanac-index; systemctl is-enabled almanac-index; curl -fsS http://127.0.0.1:7072/VERSION"); got !=
		"almanac-index-2.0-1.noarch\nactive\nenabled\n2.0" {
		t.Errorf("the early package and its service:\n%s", got)
	}
	if got := m.Sh(t, `rpm -q almanac-notes; cat /etc/almanac-notes.conf.rpmsave; systemctl list-unit-files --no-legend 'almanac-notes*'; id -un notes; cat /var/lib/almanac-notes/notes | sort -u; stat -c %U /var/lib/almanac-notes/notes`); got !=
		"package almanac-notes is not installed\nKEEP=60\nnotes\na note\nnotes" {
		t.Errorf("the late package, its user and its data:\n%s", got)
	}
	if got := m.Sh(t, `cd /var/lib/almanac && find letters /etc/almanac.d -printf '%p %u %m\n' | sort; ls /root/almanac.pem 2>&1 | tail -c 26; cat /etc/almanac.d/cert.pem`); got !=
		"/etc/almanac.d root 755\n/etc/almanac.d/cert.pem root 644\nletters almanac 755\nletters/home almanac 755\nletters/home/anna almanac 755\n"+
			"letters/home/anna/deep almanac 755\nletters/home/anna/deep/1 almanac 640\nNo such file or directory\ncertificate" {
		t.Errorf("files that moved:\n%s", got)
	}
	if got := m.Sh(t, `. /etc/almanac.conf; echo -n "$SECRET" | base64 -d | wc -c; echo -n "$ALPHABET" | fold -w1 | sort -u | wc -l
		grep -rlF -e "$SECRET" -e "$ALPHABET" /var/lib/almanac-upgrade/*/log /var/lib/almanac-upgrade/*/report.json /var/log /run/almanac-upgrade || true`); got != "32\n31" {
		t.Errorf("the host's own values, and where they are told:\n%s", got)
	}
	if got := m.Sh(t, "almanac-upgrade clean --dry-run | grep -c '^  /var/lib/almanac-notes$'; almanac-upgrade clean >/dev/null; ls -d /var/lib/almanac-notes 2>&1 | tail -c 26; ls /var/lib/almanac/count"); got !=
		"1\nNo such file or directory\n/var/lib/almanac/count" {
		t.Errorf("clean and the notes:\n%s", got)
	}
}

// everything is all that the product has on a machine, and whether it runs; not what it counts. Times
// are those of files that move, and of the folders that they move from.
func everything(t *testing.T, m *host.Machine) string {
	t.Helper()
	return m.Sh(t, `find /etc/almanac* /etc/systemd/system /usr/lib/almanac* /usr/lib/systemd/system/almanac* /usr/share/almanac /var/lib/almanac /var/lib/almanac-index \
			-printf '%p %u:%g %m %l\n' 2>/dev/null | grep -v -e /count -e almanac-upgrade | sort
		find /var/lib/almanac/letters /root/almanac.pem -printf '%p %T@\n'
		cat /etc/almanac.conf /etc/almanac/* /etc/almanac-notes.conf /root/almanac.pem /var/lib/almanac/letters/anna/deep/1
		rpm -qa 'almanac*' | grep -v upgrade | sort; systemctl is-active almanac almanac-notes; systemctl list-unit-files --no-legend 'almanac*' | grep -v upgrade | sort`)
}

// edition prints the one row of the product's table.
const edition = `su postgres -c "psql -XAt -d almanac -c 'select * from edition'"`

// wayBack starts an upgrade whose last migration the database refuses: by then the host's file
// names the connection by the new release's keys, and still the schema is taken back.
func wayBack(t *testing.T, m *host.Machine) {
	t.Helper()
	before := everything(t, m)
	m.Sh(t, `mkdir -p /etc/almanac-upgrade && touch /etc/almanac-upgrade/manual
		su postgres -c "psql -Xq -d almanac -c \"alter table edition add constraint stays check (release = '1.0')\""
		dnf install -y /root/bundle.rpm`)
	conflict(t, m)
	if code, out := m.ShCode(t, "almanac-upgrade start; almanac-upgrade wait"); code != 4 {
		_, report := m.ShCode(t, "almanac-upgrade report; almanac-upgrade log")
		t.Fatalf("exit %d, want 4\n%s\n%s", code, out, report)
	}
	if got := m.Sh(t, edition+"; grep -c ^DB_ /etc/almanac.conf; grep -c ^DATABASE /etc/almanac.conf || true; rpm -q almanac; almanac-upgrade report | grep -q 'schema to new' && echo got there"); got !=
		"1.0\n4\n0\nalmanac-1.0-1.noarch\ngot there" {
		t.Errorf("after the way back:\n%s", got)
	}
	if after := everything(t, m); after != before {
		t.Errorf("after the way back:\n%s\nbefore:\n%s", after, before)
	}
	m.Sh(t, `su postgres -c "psql -Xq -d almanac -c 'alter table edition drop constraint stays'"
		rm /etc/almanac-upgrade/manual && dnf remove -y almanac-upgrade-2.0`)
}
