package certify

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"onerpm/internal/hostconf/connection"
	"onerpm/internal/manifest"
)

// scratchUser is the superuser of a scratch server.
const scratchUser = "certify_scratch"

// scratchDir is its folder on the machine: not below the run's, which is root's alone, and short, for the name of its socket.
func (r *run) scratchDir() string { return "/var/tmp/" + r.m.Prefix + "-scratch" }

// dumped is where the dump of a database before the upgrade lies on the machine.
func (r *run) dumped(db manifest.Database) string { return r.at("db-" + db.Name + ".sql") }

// dumpDatabases dumps every database of the old release that the bundle migrates.
func (r *run) dumpDatabases(ctx context.Context) error {
	for _, db := range r.m.There() {
		if db.Migrations == "" {
			continue
		}
		a, err := r.address(ctx, db)
		if err == nil {
			_, err = r.machine.must(ctx, "dump the database "+a.Database, r.client(db, a, "pg_dump")+" --exclude-schema="+ownSchema(r.m.Prefix)+" --file="+r.dumped(db))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// migrated is what the databases of the new release have to hold, by their names.
func (r *run) migrated(ctx context.Context) (map[string]contents, error) {
	all := map[string]contents{}
	for _, db := range r.m.Databases {
		var err error
		if all[db.Name], err = r.expected(ctx, db); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// expected is what a database of the new release has to hold: what it held before, after the bundle's migrations were run on a
// copy of it; without migrations, just that. One that only the new release has begins empty.
func (r *run) expected(ctx context.Context, db manifest.Database) (c contents, err error) {
	if db.Migrations == "" {
		return r.before.databases[db.Name], nil
	}
	a, err := r.address(ctx, db)
	if err != nil {
		return c, err
	}
	what := "make a copy of database " + db.Name + " and run the bundle's migrations on it"
	defer func() {
		stop := r.scratchDir()
		_, failed := r.machine.must(ctx, "end the copy of database "+db.Name, `[ ! -e `+stop+`/stop ] || sh `+stop+`/stop >/dev/null 2>&1; rm -rf `+stop)
		if err == nil {
			err = failed
		}
	}()
	if _, err = r.machine.must(ctx, what, r.makeScratch(db, a)); err != nil {
		return c, err
	}
	return r.lookDatabase(ctx, db, connection.Address{Host: r.scratchDir(), Port: 5432, Database: a.Database, User: scratchUser})
}

// makeScratch is a script that starts a server of the machine's own PostgreSQL programs, with the same roles, puts the dump into it and runs
// the migrations: those that expand, the backfill, those that switch. It is reached by a socket alone.
func (r *run) makeScratch(db manifest.Database, a connection.Address) string {
	dir := r.scratchDir()
	var b strings.Builder
	b.WriteString(connected(a) + "programs='" + strings.Join(db.Programs, " ") + "'\n" + findProgram)
	b.WriteString(`bin=$(find_program postgres exact) || exit
dir=` + dir + ` user=postgres
id $user >/dev/null 2>&1 || user=nobody
rm -rf $dir && mkdir -m 700 $dir || exit
"$psql" -XAtq -v ON_ERROR_STOP=1 >$dir/roles.sql <<'END-OF-SQL' || exit
select format('create role %I login %s %s %s;', rolname, case when rolsuper then 'superuser' end, case when rolcreaterole then 'createrole' end, case when rolcreatedb then 'createdb' end)
	from pg_roles where rolname !~ '^pg_';
select format('grant %I to %I;', g.rolname, m.rolname) from pg_auth_members a join pg_roles g on g.oid = a.roleid join pg_roles m on m.oid = a.member where m.rolname !~ '^pg_';
select format('create database %I template template0 owner %I;', datname, pg_get_userbyid(datdba)) from pg_database where datname = current_database() and datname not in ('postgres', 'template1');
END-OF-SQL
set -- $("$psql" -XAtq -F ' ' -c "select pg_encoding_to_char(encoding), datcollate, datctype from pg_database where datname = current_database()")
chown $user $dir && cd / || exit
as() { runuser -u $user -- "$@" </dev/null; }
as "$bin/initdb" -D $dir/data -U ` + scratchUser + ` -A trust -N -E "$1" --lc-collate="$2" --lc-ctype="$3" >$dir/log 2>&1 || { tail -n 5 $dir/log >&2; exit 1; }
printf 'cd /; runuser -u %s -- %s/pg_ctl -D %s/data -m immediate -w stop\n' $user "$bin" $dir >$dir/stop
as "$bin/pg_ctl" -D $dir/data -w -t 60 -l $dir/server.log -o "-c listen_addresses= -c unix_socket_directories=$dir -c fsync=off -c port=5432" start >$dir/log 2>&1 || { tail -n 5 $dir/server.log >&2; exit 1; }
unset PGPASSWORD; export PGHOST=$dir PGPORT=5432
quietly() { "$psql" -Xq -v ON_ERROR_STOP=1 "$@" >$dir/out 2>&1 || { tail -n 5 $dir/out >&2; return 1; }; }
PGUSER=` + scratchUser + ` quietly -d postgres -f $dir/roles.sql || exit
[ ! -e ` + r.dumped(db) + ` ] || PGUSER=` + scratchUser + ` quietly -f ` + r.dumped(db) + ` || exit
`)
	b.WriteString("cat >$dir/backfill.sql <<'END-OF-SQL'\n" + backfill(db) + "END-OF-SQL\n")
	b.WriteString("awk '" + migrateAWK + "'")
	backfilled := false
	for _, file := range r.migrationFiles(db) {
		if !backfilled && !strings.Contains(path.Base(file), "_expand_") {
			b.WriteString(" $dir/backfill.sql")
			backfilled = true
		}
		b.WriteString(" " + quote(file))
	}
	if !backfilled {
		b.WriteString(" $dir/backfill.sql")
	}
	b.WriteString(" >$dir/up.sql || exit\nquietly -f $dir/up.sql || { grep '^migration ' $dir/out | tail -n 1 >&2; exit 1; }\n")
	return b.String()
}

// migrateAWK makes one script for psql of migrations: each in a transaction of its own, or in none where it says so, and in a
// session as if it were new. A start of psql for each would take longer than all of them.
const migrateAWK = `
function flush() {
	if (file == "") return
	print "\\echo migration " file
	print alone ? text ";" : "begin;\n" text ";commit;"
	print "discard all;"
}
FNR == 1 { flush(); file = FILENAME; text = ""; on = 0; alone = 0 }
/^-- \+goose NO TRANSACTION/ { alone = 1 }
/^-- \+goose Up/ { on = 1; next }
/^-- \+goose Down/ { on = 0 }
on { text = text $0 "\n" }
END { flush() }
`

// backfill is written as a migration that runs outside of a transaction.
func backfill(db manifest.Database) string {
	var sql strings.Builder
	sql.WriteString("-- +goose NO TRANSACTION\n-- +goose Up\n")
	for _, f := range db.Backfill {
		fmt.Fprintf(&sql, "update %s set %s where %s;\n", f.Table, f.Set, f.Where)
	}
	return sql.String()
}

// migrationFiles are the migrations of the bundle, which is installed, in the order of their numbers.
func (r *run) migrationFiles(db manifest.Database) []string {
	var files []string
	for _, f := range r.m.Files {
		if strings.HasPrefix(f.Path, db.Migrations+"/") {
			files = append(files, "/opt/"+r.m.Prefix+"/"+r.m.To+"/"+f.Path)
		}
	}
	slices.SortStableFunc(files, func(a, b string) int { return number(a) - number(b) })
	return files
}

func number(file string) int {
	digits, _, _ := strings.Cut(path.Base(file), "_")
	n, _ := strconv.Atoi(digits) // the bundler has checked it
	return n
}
