// Package machinecheck tells what a test machine holds of the product, so that two
// moments can be compared, and proves that a machine is one release or the other:
// packages, files by digest, configuration, state, rows, schema, units, the door.
// The tests that upgrade whole machines share it.
package machinecheck

import (
	"fmt"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/test/host"
)

// Prefix is the name of the product's bundles, without the release.
const Prefix = "cloudify-upgrade"

// Packages lists what is installed of the product, one NEVRA a line, sorted.
func Packages(t testing.TB, m *host.Machine) string {
	t.Helper()
	return m.Sh(t, `rpm -qa --qf '%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE}\n' | grep -E '^(cloudify|elasticsearch|logstash|postgresql95)' | grep -v '^`+Prefix+`-' | sort`)
}

// Want is what [Packages] must say of a whole set.
func Want(set []manifest.Package) string {
	var lines []string
	for _, p := range set {
		lines = append(lines, p.Name+" "+p.EVR())
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// Without is what a comparison of two moments leaves out: what clients wrote in between.
type Without struct {
	Columns    []string          // of every table
	Rows       map[string]string // table -> the rows, as an SQL condition
	Paths      []string          // beginnings of file names
	Executions []string          // of documents: those that are compared, with their events and logs; none is all
	Copied     bool              // the data came out of Elasticsearch since: what each such upgrade makes afresh is left out, numbers of rows and secrets
}

// Rows returns a digest of every row of every table of the product, by table;
// the columns named in without are left out. A row is compared by its values,
// with the names of its columns, so a new column shows.
func Rows(t testing.TB, m *host.Machine, without ...string) map[string]string {
	t.Helper()
	return rows(t, m, Without{Columns: without})
}

func rows(t testing.TB, m *host.Machine, without Without) map[string]string {
	t.Helper()
	minus, kept := "", "case table_name"
	for _, w := range without.Columns {
		minus += " - '" + w + "'"
	}
	more := "''"
	if without.Copied {
		more = afresh
	}
	for table, condition := range without.Rows {
		kept += fmt.Sprintf(" when '%s' then $$ where not (%s)$$", table, condition)
	}
	perTable := fmt.Sprintf(`select %%L, count(*) || ' rows ' || coalesce(md5(string_agg(r, '|' order by r)), '') from (select (to_jsonb(t)%s%%s)::text as r from %%I t%%s) x`, minus)
	out := m.Sh(t, SQL(`select format($$`+perTable+`$$, table_name, `+more+`, table_name, `+kept+` when '' then '' else '' end) from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' order by 1 \gexec`))
	found := map[string]string{}
	for line := range strings.Lines(out) {
		if table, sum, ok := strings.Cut(strings.TrimSpace(line), "|"); ok {
			found[table] = sum
		}
	}
	if len(found) == 0 {
		t.Fatal("the database has no tables: " + out)
	}
	return found
}

// Schema is the database's schema without our own.
func Schema(t testing.TB, m *host.Machine) string {
	t.Helper()
	return m.Sh(t, `su postgres -c "pg_dump --schema-only --no-owner cloudify_db" | grep -v '^--' | grep -v restrict`)
}

// SQL is the script that answers a query on the product's database.
func SQL(query string) string {
	return "su postgres -c \"psql -XAtq -v ON_ERROR_STOP=1 -d cloudify_db\" <<'SQL'\n" + query + "\nSQL"
}

// AwaitEnd waits until the engine has put away its unit: "wait" answers when the end is on record, which
// is a moment before. It gives up after a minute; what is compared then shows it.
func AwaitEnd(t testing.TB, m *host.Machine) {
	t.Helper()
	m.Sh(t, `for i in $(seq 600); do [ -e /etc/systemd/system/`+Prefix+`.service ] || break; sleep 0.1; done`)
}

// Whole is everything of the machine that a refusal or a way back must leave as
// it was, but for what the bundle itself installs.
func Whole(t testing.TB, m *host.Machine) map[string]string {
	t.Helper()
	return WholeWithout(t, m, Without{})
}

// WholeWithout is [Whole] of a machine that clients write to.
func WholeWithout(t testing.TB, m *host.Machine, without Without) map[string]string {
	t.Helper()
	documented := keepsDocuments(t, m)
	if documented || without.Copied {
		without.Paths = append(slices.Clone(without.Paths), lastChanges...)
	}
	found := WholeFiles(t, m, without)
	found["packages"] = m.Sh(t, "rpm -qa | grep -v ^"+Prefix+"- | sort")
	found["duplicates"] = m.Sh(t, `rpm -qa --qf '%{NAME}.%{ARCH}\n' | sort | uniq -d`)
	if documented {
		found["PostgreSQL"] = m.Sh(t, traces)
		for kind, sum := range documents(t, m, without.Executions) {
			found["documents "+kind] = sum
		}
	} else {
		found["schema"] = digest(Schema(t, m))
		for table, sum := range rows(t, m, without) {
			found["table "+table] = sum
		}
	}
	const units = "'cloudify-*' nginx.service elasticsearch.service logstash.service 'postgresql*'"
	found["units"] = m.Sh(t, `systemctl list-unit-files --no-legend `+units+` | grep -v '^`+Prefix+`' | awk '{print $1,$2}'`)
	found["active"] = m.Sh(t, `systemctl list-units --no-legend --plain --type=service --state=active `+units+` | grep -v '^`+Prefix+`' | awk '{print $1,$3}'`)
	return found
}

// WholeFiles are the files of the machine that a refusal or a way back must leave as they were.
func WholeFiles(t testing.TB, m *host.Machine, without Without) map[string]string {
	t.Helper()
	AwaitEnd(t, m)
	found := Files(t, m, "/etc", "/usr", "/opt", "/var/wheels")
	for path := range found {
		if slices.ContainsFunc(without.Paths, func(begin string) bool { return strings.HasPrefix(path, begin) }) {
			delete(found, path)
		}
		if path == "/usr/bin/"+Prefix ||
			(strings.HasPrefix(path, "/usr/share/") && strings.HasPrefix(filepath.Base(path), Prefix)) || // its completion and man page
			strings.HasPrefix(path, dnf5Records) || strings.HasPrefix(path, "/usr/lib/.build-id") || strings.HasPrefix(path, "/usr/lib/python3") || path == "/opt" {
			delete(found, path)
		}
	}
	found["what dnf5 keeps for whom"] = m.Sh(t, "grep -v '^\""+Prefix+"' "+dnf5Records+"packages.toml 2>/dev/null || true")
	return found
}

// dnf5Records tell what dnf5 has installed, when and why; the bundle is among it.
const dnf5Records = "/usr/lib/sysimage/libdnf5/"

// WholeNew is the whole of a new machine, but for the secrets that each upgrade
// makes afresh: those must only be there.
func WholeNew(t testing.TB, m *host.Machine, without Without) map[string]string {
	t.Helper()
	const file = "/opt/manager/rest-security.conf"
	found := WholeWithout(t, m, without)
	keys := "admin_password"
	if without.Copied {
		keys = "hash_salt|secret_key|encoding_alphabet"
		for path := range found {
			if strings.HasPrefix(path, "/etc/cloudify/ssl/") {
				found[path] = m.Sh(t, "stat -c '%A %U:%G' "+path)
			}
		}
		found["/etc/shadow"] = m.Sh(t, "stat -c '%A %U:%G' /etc/shadow; cut -d: -f1,2,4- /etc/shadow | sha256sum") // 3 is the day of the last change
	}
	found[file] = m.Sh(t, `stat -c '%A %U:%G' `+file+`; sed -E 's/("(`+keys+`)": *)"[^"]{31,}"/\1 made/g' `+file+` | sha256sum`)
	return found
}

// Report is what the upgrade itself says of its last attempt, for the message of a test that failed.
func Report(t testing.TB, m *host.Machine) string {
	t.Helper()
	_, log := m.ShCode(t, Prefix+" report; "+Prefix+" log | tail -40")
	return log
}
