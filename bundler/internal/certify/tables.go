package certify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"onerpm/internal/hostconf/connection"
	"onerpm/internal/manifest"
)

// contents are what a database holds.
type contents struct {
	tables    map[string]table    // "<schema>.<table>" -> its rows
	schema    map[string]string   // "<kind> <schema>.<name>" as pg_dump says -> owner and definition
	sequences map[string]sequence // "<schema>.<name>"
	roles     map[string]string   // "role <name>", "database" -> attributes
}

// table is what is counted of one: how many rows, and sums of their digests, which do not depend on their order.
type table struct {
	rows    int64
	digest  string            // of whole rows
	columns map[string]string // column -> digest of its values
}

// sequence is where one stands.
type sequence struct {
	last   string // value, and whether it was given out
	behind string // the column that has a higher value already, "" for none
}

// lookDatabase reads all of it, at an address that need not be its own: in two calls, and a dump of the schema.
func (r *run) lookDatabase(ctx context.Context, db manifest.Database, a connection.Address) (contents, error) {
	c := contents{tables: map[string]table{}, sequences: map[string]sequence{}, roles: map[string]string{}}
	lines, err := r.psql(ctx, a, r.ownSQL(tablesSQL+sequencesSQL+rolesSQL))
	if err != nil {
		return c, err
	}
	var found []columnsOf
	var sql strings.Builder
	for _, line := range lines {
		switch kind := kindOf(line); kind {
		case "table":
			t, owner := columnsOf{}, ""
			err = row(line, &kind, &t.schema, &t.name, &t.columns, &owner)
			if owner != "" {
				err = fmt.Errorf("table %s.%s belongs to %s, and %s may not read it", t.schema, t.name, owner, a.User)
			}
			sql.WriteString(t.countSQL(len(found)))
			found = append(found, t)
		case "sequence":
			var schema, name string
			var of [3]*string // schema, table and column, or nothing
			err = row(line, &kind, &schema, &name, &of[0], &of[1], &of[2])
			sql.WriteString(standsSQL(schema, name, of))
		default:
			var name, value string
			err = row(line, &kind, &name, &value)
			c.roles[name] = value
		}
		if err != nil {
			return c, err
		}
	}
	if sql.Len() > 0 {
		lines, err = r.psql(ctx, a, sql.String())
		if err == nil {
			err = c.count(lines, found)
		}
	}
	if err == nil {
		c.schema, err = r.lookSchema(ctx, db, a)
	}
	return c, err
}

// count takes in what was counted of tables and sequences.
func (c contents) count(lines []string, found []columnsOf) error {
	for _, line := range lines {
		kind := kindOf(line)
		if kind == "sequence" {
			var name string
			var s sequence
			if err := row(line, &kind, &name, &s.last, &s.behind); err != nil {
				return err
			}
			if s.behind == "" { // one sequence may count for several columns
				s.behind = c.sequences[name].behind
			}
			c.sequences[name] = s
			continue
		}
		i, t, digests := 0, table{columns: map[string]string{}}, []string{}
		if err := row(line, &kind, &i, &t.rows, &t.digest, &digests); err != nil {
			return err
		}
		if i < 0 || i >= len(found) || len(digests) != len(found[i].columns) {
			return fmt.Errorf("count the rows: psql says %q", short(line))
		}
		for j, column := range found[i].columns {
			t.columns[column] = digests[j]
		}
		c.tables[found[i].schema+"."+found[i].name] = t
	}
	return nil
}

// ours are the tables of the product: in no schema of PostgreSQL's and not in the upgrade's own.
const ours = `n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> '$own'`

func (r *run) ownSQL(sql string) string {
	return strings.ReplaceAll(sql, "$own", ownSchema(r.m.Prefix))
}

// tablesSQL lists tables, their columns, and the owner of one that may not be read.
const tablesSQL = `select json_build_array('table', n.nspname, c.relname, array(select a.attname::text from pg_attribute a
	where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum),
	case when has_table_privilege(c.oid, 'select') then '' else pg_get_userbyid(c.relowner)::text end)
	from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r' and ` + ours + ` order by n.nspname, c.relname;
`

// digestSQL is a number for a value; those of many are added.
const digestSQL = `coalesce(sum(('x' || substr(md5(coalesce('=' || %s::text, '')), 1, 16))::bit(64)::bigint), 0)::text`

// columnsOf are the columns of a table, in their order.
type columnsOf struct {
	schema, name string
	columns      []string
}

// countSQL counts the i-th table's rows.
func (t columnsOf) countSQL(i int) string {
	digests := make([]string, len(t.columns))
	for j, column := range t.columns {
		digests[j] = fmt.Sprintf(digestSQL, "certify_row."+identifier(column))
	}
	return fmt.Sprintf("select json_build_array('rows', %d, count(*), %s, array[%s]::text[]) from %s.%s certify_row;\n", i,
		fmt.Sprintf(digestSQL, "certify_row"), strings.Join(digests, ", "), identifier(t.schema), identifier(t.name))
}

// kindOf is the first value of a JSON array: what the others are of. A line that is none has no kind, and row says why.
func kindOf(line string) (kind string) {
	var values []json.RawMessage
	if json.Unmarshal([]byte(line), &values) == nil && len(values) > 0 {
		_ = json.Unmarshal(values[0], &kind)
	}
	return kind
}

// row reads a JSON array with one value for each.
func row(line string, into ...any) error {
	var values []json.RawMessage
	err := json.Unmarshal([]byte(line), &values)
	if err == nil && len(values) != len(into) {
		err = errors.New("another number of values")
	}
	for i := range into {
		if err == nil {
			err = json.Unmarshal(values[i], into[i])
		}
	}
	if err != nil {
		return fmt.Errorf("psql says %q: %w", short(line), err)
	}
	return nil
}

// sequencesSQL lists sequences, each with the columns of whole numbers that it counts for.
const sequencesSQL = `
with uses as (
	select d.objid as sequence, d.refobjid as relation, d.refobjsubid as number from pg_depend d
		where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i') and d.refobjsubid > 0
	union select d.refobjid, f.adrelid, f.adnum from pg_depend d join pg_attrdef f on f.oid = d.objid
		where d.classid = 'pg_attrdef'::regclass and d.refclassid = 'pg_class'::regclass)
select json_build_array('sequence', n.nspname, s.relname, tn.nspname, t.relname, a.attname)
	from pg_class s join pg_namespace n on n.oid = s.relnamespace
	left join (uses u join pg_class t on t.oid = u.relation and t.relkind in ('r', 'p') join pg_namespace tn on tn.oid = t.relnamespace
		join pg_attribute a on a.attrelid = t.oid and a.attnum = u.number and a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)) on u.sequence = s.oid
	where s.relkind = 'S' and ` + ours + ` order by n.nspname, s.relname;
`

// standsSQL asks where a sequence stands, and whether a column has a higher value already.
func standsSQL(schema, name string, of [3]*string) string {
	behind := "''"
	if of[0] != nil {
		behind = fmt.Sprintf("(select case when max(%s) > s.last_value or max(%s) = s.last_value and not s.is_called then %s else '' end from %s.%s)",
			identifier(*of[2]), identifier(*of[2]), literal(*of[0]+"."+*of[1]+"."+*of[2]), identifier(*of[0]), identifier(*of[1]))
	}
	return fmt.Sprintf("select json_build_array('sequence', %s, s.last_value || case when s.is_called then '' else ', not given out' end, %s) from %s.%s s;\n",
		literal(schema+"."+name), behind, identifier(schema), identifier(name))
}

// rolesSQL lists who there is, whose the database is, and who may use it.
const rolesSQL = `
select json_build_array('role', 'role ' || r.rolname, concat_ws(' ', case when rolsuper then 'superuser' end, case when rolcreaterole then 'createrole' end,
	case when rolcreatedb then 'createdb' end, case when rolcanlogin then 'login' end, case when rolreplication then 'replication' end,
	case when rolbypassrls then 'bypassrls' end, case when not rolinherit then 'noinherit' end, 'connections ' || rolconnlimit, 'until ' || rolvaliduntil, rolconfig::text,
	(select 'in ' || string_agg(g.rolname, ',' order by g.rolname) from pg_auth_members m join pg_roles g on g.oid = m.roleid where m.member = r.oid)))
	from pg_roles r where rolname !~ '^pg_';
select json_build_array('role', 'database', concat_ws(' ', 'of ' || pg_get_userbyid(datdba), 'connections ' || datconnlimit, datacl::text,
	(select array_agg(s.setrole::regrole::text || ' ' || s.setconfig::text order by s.setrole)::text from pg_db_role_setting s where s.setdatabase = d.oid)))
	from pg_database d where datname = current_database();`

// identifier quotes a name for SQL.
func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// literal quotes a text for SQL.
func literal(text string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}

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
