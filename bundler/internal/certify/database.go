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

// table is what is counted of one: how many rows, and the sum of their digests, which does not depend on their order.
type table struct {
	rows   int64
	digest string
}

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

// psql answers statements, one row a line with "|" between its columns. What it needs goes
// over standard input: neither password nor statement is in a list of processes.
func (r *run) psql(ctx context.Context, a connection.Address, sql string) ([]string, error) {
	var script strings.Builder
	for _, v := range [][2]string{{"PGPASSWORD", a.Password}, {"PGHOST", a.Host}, {"PGPORT", strconv.Itoa(int(a.Port))}, {"PGDATABASE", a.Database}, {"PGUSER", a.User},
		{"PGCONNECT_TIMEOUT", "10"}, {"PGCLIENTENCODING", "UTF8"}} {
		if v[1] != "" {
			fmt.Fprintf(&script, "export %s=%s\n", v[0], quote(v[1]))
		}
	}
	script.WriteString(`psql=$(command -v psql || ls -d /usr/pgsql-*/bin/psql 2>/dev/null | tail -n 1)
[ -n "$psql" ] || { echo "there is no psql on the machine" >&2; exit 1; }
exec "$psql" -XAtq -F '|' -v ON_ERROR_STOP=1 -f - <<'END-OF-SQL'
` + sql + "\nEND-OF-SQL")
	out, err := r.machine.must(ctx, "ask the database "+a.Database, script.String())
	if err != nil {
		return nil, err
	}
	if out = strings.TrimSuffix(out, "\n"); out == "" {
		return nil, nil
	}
	return strings.Split(out, "\n"), nil
}

// lookDatabases counts the rows of all tables and reads the schemas of what a side's release has.
func (r *run) lookDatabases(ctx context.Context, side manifest.Side, s *state) error {
	for _, db := range r.databases(side) {
		a, err := r.address(ctx, db)
		if err != nil {
			return err
		}
		if err := r.lookTables(ctx, s, db.Name, a); err != nil {
			return err
		}
		lines, err := r.psql(ctx, a, strings.ReplaceAll(catalogSQL, "$own", ownSchema(r.m.Prefix)))
		if err != nil {
			return err
		}
		for _, line := range lines {
			if f := strings.SplitN(line, "|", 3); len(f) == 3 {
				s.schema[db.Name+" "+f[0]+" "+f[1]] = f[2]
			}
		}
	}
	return nil
}

// databases are those of a side's release.
func (r *run) databases(side manifest.Side) []manifest.Database {
	if side == manifest.New {
		return r.m.Databases
	}
	return r.m.There()
}

// ours are the tables of the product: in no schema of PostgreSQL's and not in the upgrade's own.
const ours = `n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> '$own'`

const tablesSQL = `select n.nspname || '|' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r' and ` + ours + ` order by 1`

func (r *run) lookTables(ctx context.Context, s *state, db string, a connection.Address) error {
	found, err := r.psql(ctx, a, strings.ReplaceAll(tablesSQL, "$own", ownSchema(r.m.Prefix)))
	if err != nil || len(found) == 0 {
		return err
	}
	var sql strings.Builder
	for i, line := range found {
		schema, name, _ := strings.Cut(line, "|")
		fmt.Fprintf(&sql, "select %d, count(*), coalesce(sum(('x' || substr(md5(certify_row::text), 1, 16))::bit(64)::bigint), 0) from %s.%s certify_row;\n",
			i, identifier(schema), identifier(name))
	}
	counts, err := r.psql(ctx, a, sql.String())
	if err != nil {
		return err
	}
	for _, line := range counts {
		f := strings.Split(line, "|")
		i, rows := 0, int64(0)
		if len(f) == 3 {
			i, err = strconv.Atoi(f[0])
			if err == nil {
				rows, err = strconv.ParseInt(f[1], 10, 64)
			}
		}
		if len(f) != 3 || err != nil || i < 0 || i >= len(found) {
			return fmt.Errorf("count the rows of database %s: psql says %q", db, short(line))
		}
		s.tables[db+" "+strings.Replace(found[i], "|", ".", 1)] = table{rows: rows, digest: f[2]}
	}
	return nil
}

// identifier quotes a name for SQL.
func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// catalogSQL lists what a schema is made of: kind, name, definition.
const catalogSQL = `
select 'column', n.nspname || '.' || c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then ' not null' else '' end
	|| coalesce(' default ' || replace(pg_get_expr(d.adbin, d.adrelid), E'\n', ' '), '')
	from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
	left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
	where c.relkind in ('r', 'v', 'm') and a.attnum > 0 and not a.attisdropped and ` + ours + `;
select 'index', n.nspname || '.' || c.relname, pg_get_indexdef(c.oid) || case when i.indisvalid then '' else ' invalid' end
	from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace where ` + ours + `;
select 'constraint', n.nspname || '.' || c.relname || '.' || o.conname, replace(pg_get_constraintdef(o.oid), E'\n', ' ')
	from pg_constraint o join pg_class c on c.oid = o.conrelid join pg_namespace n on n.oid = c.relnamespace where ` + ours + `;
select 'trigger', n.nspname || '.' || c.relname || '.' || t.tgname, pg_get_triggerdef(t.oid)
	from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace where not t.tgisinternal and ` + ours + `;
select 'function', n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', md5(p.prosrc)
	from pg_proc p join pg_namespace n on n.oid = p.pronamespace where ` + ours + `;
select 'value', n.nspname || '.' || t.typname || '.' || e.enumlabel, ''
	from pg_enum e join pg_type t on t.oid = e.enumtypid join pg_namespace n on n.oid = t.typnamespace where ` + ours + `;`

// ownSchema is the schema in which the upgrade keeps its record: the prefix as a plain name.
func ownSchema(prefix string) string {
	if prefix != "" && prefix[0] >= '0' && prefix[0] <= '9' {
		prefix = "_" + prefix
	}
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return '_'
	}, strings.ToLower(prefix))
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
