package scratch

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"onerpm/payload-scripts/internal/database"
)

// like is what a server and its one database are to be like.
type like struct {
	user     string // the role that the product and its migrations use
	database string
	encoding string
	locale   [2]string // collation and character types
	settings []string  // of the server, as name=value
	folders  []string  // of tablespaces
	sql      []string  // statements that make the roles, the tablespaces and the database
}

// alike are settings of the product's server, and of the role that migrates, that decide how long a migration takes and what it means.
var alike = []string{"fsync", "synchronous_commit", "full_page_writes", "wal_level", "shared_buffers", "work_mem", "maintenance_work_mem", "effective_cache_size",
	"search_path", "TimeZone", "default_tablespace", "default_text_search_config"}

// locks are as many as the product's server has for all its connections: one of them may have them all.
const locks = `SELECT ceil(current_setting('max_locks_per_transaction')::numeric
	* (current_setting('max_connections')::numeric + current_setting('max_prepared_transactions')::numeric) / $1::numeric)::int::text`

// likeOf asks what a database and its server are like: a copy has the product's roles with the same rights.
func likeOf(ctx context.Context, db *database.DB, dir string) (l like, err error) {
	l = like{user: db.User(), database: db.Database()}
	err = db.Pool.QueryRowContext(ctx, `SELECT pg_encoding_to_char(encoding), datcollate, datctype
		FROM pg_catalog.pg_database WHERE datname = current_database()`).Scan(&l.encoding, &l.locale[0], &l.locale[1])
	if err != nil {
		return l, database.Explain(err)
	}
	for _, name := range alike {
		var value string
		if err := db.Pool.QueryRowContext(ctx, "SELECT current_setting($1)", name).Scan(&value); err != nil {
			return l, database.Explain(err)
		}
		l.settings = append(l.settings, name+"="+value)
	}
	var value string
	if err := db.Pool.QueryRowContext(ctx, locks, connections).Scan(&value); err != nil {
		return l, database.Explain(err)
	}
	l.settings = append(l.settings, "max_locks_per_transaction="+value)
	for _, query := range []string{
		`SELECT 'CREATE ROLE ' || quote_ident(rolname) || ' LOGIN' || CASE WHEN rolsuper THEN ' SUPERUSER' ELSE '' END
			|| CASE WHEN rolcreaterole THEN ' CREATEROLE' ELSE '' END || CASE WHEN rolcreatedb THEN ' CREATEDB' ELSE '' END
			|| CASE WHEN rolinherit THEN '' ELSE ' NOINHERIT' END
		FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_' ORDER BY rolname`,
		`SELECT 'GRANT ' || quote_ident(r.rolname) || ' TO ' || quote_ident(m.rolname)
		FROM pg_catalog.pg_auth_members a JOIN pg_catalog.pg_roles r ON r.oid = a.roleid JOIN pg_catalog.pg_roles m ON m.oid = a.member
		WHERE m.rolname !~ '^pg_' ORDER BY 1`,
		`SELECT 'CREATE TABLESPACE ' || quote_ident(spcname) || ' OWNER ' || quote_ident(pg_get_userbyid(spcowner)) || ' LOCATION '
		FROM pg_catalog.pg_tablespace WHERE spcname !~ '^pg_' ORDER BY spcname`,
		`SELECT 'GRANT CREATE ON TABLESPACE ' || quote_ident(spcname) || ' TO ' || CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END
		FROM pg_catalog.pg_tablespace, aclexplode(spcacl) a WHERE spcname <> 'pg_global' ORDER BY 1`,
		`SELECT 'CREATE DATABASE ' || quote_ident(datname) || ' TEMPLATE template0 OWNER ' || quote_ident(pg_get_userbyid(datdba)) || ' TABLESPACE ' || quote_ident(spcname)
		FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace WHERE datname = current_database()`,
	} {
		statements, err := db.Names(ctx, query)
		if err != nil {
			return l, err
		}
		for _, statement := range statements {
			if strings.HasSuffix(statement, " LOCATION ") { // below the copy's folder, with the names that the dump and the migrations use
				folder := filepath.Join(dir, "tablespace"+strconv.Itoa(len(l.folders)))
				l.folders = append(l.folders, folder)
				statement += "'" + strings.ReplaceAll(folder, "'", "''") + "'"
			}
			l.sql = append(l.sql, statement)
		}
	}
	return l, nil
}

// roles makes the roles and the empty database.
func (s *Server) roles(ctx context.Context) error {
	admin, err := s.as(ctx, s.admin, "postgres")
	if err != nil {
		return err
	}
	defer admin.Close()
	for _, statement := range s.like.sql {
		if _, err := admin.Pool.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", database.Short(statement), database.Explain(err))
		}
	}
	return nil
}
