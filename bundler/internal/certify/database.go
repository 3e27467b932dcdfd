package certify

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"onerpm/internal/hostconf/connection"
	"onerpm/internal/manifest"
)

// maxConf bounds the configuration file that an address is read from, in bytes.
const maxConf = 1 << 20

// address returns where a database is, as the file on the machine said when it was first
// asked for: under the first release that has it, whose keys the manifest names.
func (r *run) address(ctx context.Context, db manifest.Database) (connection.Address, error) {
	if a, known := r.addresses[db.Name]; known {
		return a, nil
	}
	c := db.Connection
	doing := "read the database's address from " + c.File
	text, err := r.readConf(ctx, doing, c.File)
	if err != nil {
		return connection.Address{}, err
	}
	a, err := connection.Read(text, c)
	if err != nil {
		return a, fmt.Errorf("%s: %w", doing, err)
	}
	if r.addresses == nil {
		r.addresses = map[string]connection.Address{}
	}
	r.addresses[db.Name] = a
	return a, nil
}

// readConf reads a file of the product's configuration.
func (r *run) readConf(ctx context.Context, doing, file string) ([]byte, error) {
	got, err := r.machine.sh(ctx, "head -c "+strconv.Itoa(maxConf)+" "+quote(file))
	if err == nil && got.code != 0 {
		err = errors.New(strings.TrimSpace(got.err))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	return []byte(got.out), nil
}

// connected are the variables that libpq reads, as a script sets them. What is secret goes over
// standard input: neither password nor statement is in a list of processes.
func connected(a connection.Address) string {
	var script strings.Builder
	for _, v := range [][2]string{{"PGPASSWORD", a.Password}, {"PGHOST", a.Host}, {"PGPORT", strconv.Itoa(int(a.Port))}, {"PGDATABASE", a.Database}, {"PGUSER", a.User},
		{"PGCONNECT_TIMEOUT", "10"}, {"PGCLIENTENCODING", "UTF8"}} {
		if v[1] != "" {
			fmt.Fprintf(&script, "export %s=%s\n", v[0], quote(v[1]))
		}
	}
	script.WriteString(`psql=$(command -v psql || ls -d /usr/pgsql-*/bin/psql 2>/dev/null | tail -n 1)
[ -n "$psql" ] || { echo "there is no psql on the machine" >&2; exit 1; }
`)
	return script.String()
}

// psql answers statements, one row a line with "|" between its columns.
func (r *run) psql(ctx context.Context, a connection.Address, sql string) ([]string, error) {
	out, err := r.machine.must(ctx, "ask the database "+a.Database, connected(a)+`exec "$psql" -XAtq -F '|' -v ON_ERROR_STOP=1 -f - <<'END-OF-SQL'
`+sql+"\nEND-OF-SQL")
	if err != nil {
		return nil, err
	}
	if out = strings.TrimSuffix(out, "\n"); out == "" {
		return nil, nil
	}
	return strings.Split(out, "\n"), nil
}

// findProgram is a function for a shell that prints the folder of a PostgreSQL program: of the server's main version where the second
// argument is exact, otherwise the oldest that is not older than the server.
const findProgram = `find_program() {
	need=$("$psql" -XAtqc "select current_setting('server_version_num')::int / 100") || return
	for dir in $programs /usr/pgsql-*/bin /usr/lib/postgresql/*/bin /usr/bin /usr/local/bin; do
		[ -x "$dir/$1" ] || continue
		echo "$("$dir/$1" --version | awk '{ split($3, v, "."); print (v[1] >= 10 ? v[1] * 100 : v[1] * 100 + v[2]) }') $dir"
	done | sort -n | awk -v need="$need" -v how="$2" '$1 == need || how != "exact" && $1 > need { print $2; found = 1; exit } END { exit !found }' ||
		{ echo "the machine has no $1 for PostgreSQL $need" >&2; return 1; }
}
`

// client is a script that becomes a program of PostgreSQL's client; what is put behind it are its arguments.
func (r *run) client(db manifest.Database, a connection.Address, program string) string {
	return connected(a) + "programs='" + strings.Join(db.Programs, " ") + "'\n" + findProgram + `dir=$(find_program ` + program + `) || exit
exec "$dir/` + program + `"`
}

// databases are those of a side's release.
func (r *run) databases(side manifest.Side) []manifest.Database {
	if side == manifest.New {
		return r.m.Databases
	}
	return r.m.There()
}

// proves asks the query that proves a schema.
func (r *run) proves(ctx context.Context, side manifest.Side) faults {
	var f faults
	for _, db := range r.m.Databases {
		want := db.Expects
		if side == manifest.New {
			want = db.Becomes
		}
		if want == nil {
			continue
		}
		a, err := r.address(ctx, db)
		var got []string
		if err == nil {
			got, err = r.psql(ctx, a, want.Query)
		}
		switch {
		case err != nil:
			f.add("database %s: %v", db.Name, err)
		case strings.Join(got, "\n") != want.Value:
			f.add("database %s: %q answers %q, not %q", db.Name, want.Query, short(strings.Join(got, " ")), want.Value)
		}
	}
	return f
}
