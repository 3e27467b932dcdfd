package e2e

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/test/host"
)

const prefix = "cloudify-upgrade"

// bundle returns the path of the bundle that leads to a release; make bundles
// builds it into dist, and ONERPM_BUNDLES names another folder.
func bundle(t *testing.T, to string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(cmp.Or(os.Getenv("ONERPM_BUNDLES"), "../../dist"), fmt.Sprintf("%s-%s.rpm", prefix, to)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v; build it with: make bundles", err)
	}
	return path
}

// give copies the bundle that leads to a release into the machine and returns its path there.
func give(t *testing.T, m *host.Machine, to string) string {
	t.Helper()
	inside := fmt.Sprintf("/root/%s-%s.rpm", prefix, to)
	if err := m.CopyIn(bundle(t, to), inside); err != nil {
		t.Fatal(err)
	}
	return inside
}

// manifestOf reads the manifest that a bundle installed in the machine.
func manifestOf(t *testing.T, m *host.Machine, to string) *manifest.Manifest {
	t.Helper()
	got, err := manifest.Decode(strings.NewReader(m.Sh(t, fmt.Sprintf("cat /opt/%s/%s/manifest.json", prefix, to)) + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// productPackages lists what is installed of the product, one NEVRA a line, sorted.
func productPackages(t *testing.T, m *host.Machine) string {
	t.Helper()
	return m.Sh(t, `rpm -qa --qf '%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE}\n' | grep '^cloudify-' | grep -v '^`+prefix+`-' | sort`)
}

// wantPackages is what productPackages must say of a whole set.
func wantPackages(set []manifest.Package) string {
	var lines []string
	for _, p := range set {
		lines = append(lines, p.Name+" "+p.EVR())
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// rows returns a digest of every row of every table of the product, by table;
// the columns named in without are left out. A row is compared by its values,
// with the names of its columns, so a new column shows.
func rows(t *testing.T, m *host.Machine, without ...string) map[string]string {
	t.Helper()
	minus := ""
	for _, w := range without {
		minus += " - '" + w + "'"
	}
	tables := m.Sh(t, psql(`select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' order by 1`))
	found := map[string]string{}
	for _, table := range strings.Fields(tables) {
		found[table] = m.Sh(t, psql(fmt.Sprintf(
			`select count(*) || ' rows ' || coalesce(md5(string_agg(r, '|' order by r)), '') from (select (to_jsonb(t)%s)::text as r from %q t) x`, minus, table)))
	}
	return found
}

// schema is the database's schema without our own.
func schema(t *testing.T, m *host.Machine) string {
	t.Helper()
	return m.Sh(t, `su postgres -c "pg_dump --schema-only --no-owner cloudify_db" | grep -v '^--' | grep -v restrict`)
}

func psql(query string) string {
	return "su postgres -c \"psql -XAtq -d cloudify_db\" <<'SQL'\n" + query + "\nSQL"
}

// files returns the digest, mode and owner of every file below the folders, by path.
func files(t *testing.T, m *host.Machine, folders ...string) map[string]string {
	t.Helper()
	found, keys, unknown := map[string]string{}, map[string]string{}, &strings.Builder{}
	list := m.Sh(t, `find `+strings.Join(folders, " ")+` -printf '%p\t%y %m %u:%g %l\t%i %s %C@\n' 2>/dev/null | sort`)
	for _, line := range strings.Split(list, "\n") {
		fields := strings.Split(line, "\t")
		if len(fields) != 3 {
			continue
		}
		path, is := fields[0], fields[1]
		found[path] = is
		if strings.HasPrefix(is, "f ") {
			keys[path] = fmt.Sprintf("%p %s %s", m, path, fields[2])
			if _, known := sums.Load(keys[path]); !known {
				unknown.WriteString(path + "\x00")
			}
		}
	}
	r, err := m.Exec(t.Context(), host.Cmd{Args: []string{"xargs", "-0", "-r", "sha256sum"}, Stdin: strings.NewReader(unknown.String())})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(r.Stdout, "\n") {
		if sum, path, ok := strings.Cut(line, "  "); ok {
			sums.Store(keys[path], sum)
		}
	}
	for path, key := range keys {
		sum, _ := sums.Load(key)
		found[path] += fmt.Sprint(" ", sum)
	}
	return found
}

// sums are the digests of files that were read before, by machine, path, inode, size
// and time of the last change, which nobody can set.
var sums sync.Map

// differences tells what two maps do not have in common.
func differences(before, after map[string]string) []string {
	var found []string
	for k, v := range before {
		if w, ok := after[k]; !ok {
			found = append(found, k+": gone")
		} else if v != w {
			found = append(found, fmt.Sprintf("%s: %s, was %s", k, brief(w), brief(v)))
		}
	}
	for k := range after {
		if _, ok := before[k]; !ok {
			found = append(found, k+": new")
		}
	}
	sort.Strings(found)
	return found
}

func brief(s string) string {
	if len(s) > 200 {
		return fmt.Sprintf("%s... (%d bytes, %s)", s[:160], len(s), digest(s))
	}
	return s
}

// same fails the test when two maps differ.
func same(t *testing.T, what string, before, after map[string]string) {
	t.Helper()
	if diff := differences(before, after); len(diff) > 0 {
		t.Errorf("%s differ:\n  %s", what, strings.Join(diff[:min(len(diff), 20)], "\n  "))
	}
}

// whole is everything of the machine that a refusal or a way back must leave as
// it was, but for what the bundle itself installs.
func whole(t *testing.T, m *host.Machine) map[string]string {
	t.Helper()
	found := files(t, m, "/etc", "/usr", "/opt", "/var/wheels")
	for path := range found {
		if strings.HasPrefix(path, "/opt/"+prefix) || path == "/usr/bin/"+prefix ||
			strings.HasPrefix(path, "/usr/lib/.build-id") || strings.HasPrefix(path, "/usr/lib/python3") || path == "/opt" {
			delete(found, path)
		}
	}
	found["packages"] = digest(productPackages(t, m))
	found["duplicates"] = m.Sh(t, `rpm -qa --qf '%{NAME}.%{ARCH}\n' | sort | uniq -d`)
	found["schema"] = digest(schema(t, m))
	for table, sum := range rows(t, m) {
		found["table "+table] = sum
	}
	found["units"] = m.Sh(t, `systemctl list-unit-files --no-legend 'cloudify-*' nginx.service | grep -v '^`+prefix+`' | awk '{print $1,$2}'`)
	found["active"] = m.Sh(t, `systemctl list-units --no-legend --plain --state=active 'cloudify-*.service' nginx.service | grep -v '^`+prefix+`' | awk '{print $1,$3}'`)
	return found
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}
