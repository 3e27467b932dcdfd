package scaffold

import (
	"fmt"
	"strings"

	"onerpm/internal/manifest"
)

// formats are those of the files that the engine looks something up in.
var formats = strings.Join(manifest.KeyedFormats, ", ")

// databaseSketch is what a first jump says of databases: no package tells whether there is one.
const databaseSketch = `# A database of the product, with its migrations: docs/writing-a-jump.md says what to write.
# databases:
#   - name: main
#     connection: # the keys of the old release's file that have the parts of the address
#       file: /etc/example/example.yaml
#       format: yaml # json, yaml, env, ini, toml or properties
#       keys: { host: database.host, database: database.name, user: database.user, password: database.password }
#       # where one value is the whole address, a URL or connection string: keys: { url: database.url }
#     expects: { query: SELECT version FROM schema_version, value: "1" } # proves the schema before
#     becomes: { query: SELECT version FROM schema_version, value: "2" } # and after
#     migrations: migrations # a folder beside this file, with 1001_expand_NAME.sql and 1050_switch_NAME.sql
`

func (s *spec) databases() string {
	first := s.before.spec == nil || len(s.before.spec.Databases) == 0
	if first && s.in.Schema != nil {
		return newDatabase()
	}
	if s.before.spec == nil {
		return databaseSketch
	}
	if len(s.before.spec.Databases) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("databases:\n")
	for i, db := range s.before.spec.Databases {
		databaseText(&b, db, s.folder(i), s.in.To.Version)
	}
	return b.String()
}

// newDatabase is the entry of a database that the jump before did not have.
func newDatabase() string {
	return "databases:\n  - name: main\n    connection:\n      file: " + undecided("the file on the host that has the address of the database; it is there before the migrations run") +
		"\n      format: yaml # " + formats + "\n      keys:\n        host: " + undecided("its key of the host") + "\n        database: " + undecided("its key of the database's name") +
		"\n        user: " + undecided("its key of the user") + "\n        # port and password likewise; or, in place of them all, url: the key of a whole URL or connection string\n    migrations: migrations\n"
}

// folder is where a database's migrations lie: its own when there are several.
func (s *spec) folder(i int) string {
	if len(s.before.spec.Databases) == 1 {
		return "migrations"
	}
	return "migrations/" + s.before.spec.Databases[i].Name
}

// step is the distance between the first numbers of two jumps' migrations.
const step = 1000

// migrations are the templates, one for each database, which check names until there is SQL in them.
func (s *spec) migrations(folder string) []File {
	if s.in.Schema != nil && (s.before.spec == nil || len(s.before.spec.Databases) == 0) {
		return []File{{Path: folder + "migrations/" + fmt.Sprint(step+1) + "_expand_baseline.sql", Data: []byte(s.baseline())}}
	}
	if s.before.spec == nil {
		return nil
	}
	var out []File
	for i, db := range s.before.spec.Databases {
		first := s.lastNumber(db.Name)/step*step + step + 1
		if i == 0 && s.in.Schema != nil {
			out = append(out, File{Path: fmt.Sprintf("%s%s/%d_expand_baseline.sql", folder, s.folder(i), first), Data: []byte(s.baseline())})
			continue
		}
		name := fmt.Sprintf("%s%s/%d_expand_what_comes.sql", folder, s.folder(i), first)
		out = append(out, File{Path: name, Data: []byte(fmt.Sprintf(strings.TrimPrefix(template, "\n"), s.in.From.Version, s.in.To.Version, first+49))})
	}
	return out
}

// lastNumber is the highest number of a database's migrations so far.
func (s *spec) lastNumber(database string) int64 {
	last := int64(0)
	for _, spec := range s.in.Catalog.Specs {
		for _, m := range spec.Migrations[database] {
			last = max(last, m.Version)
		}
	}
	return last
}

const template = `
-- A migration from %[1]s to %[2]s; rename it after what it does, add more, or remove the folder.
--
-- expand: runs while %[1]s serves and must let it work on. It adds; it never takes away. A new column gets a trigger
--   that keeps it right for what %[1]s writes; rows that are there already are the backfill's, in upgrade.yaml.
--   What only the release before %[1]s needed is dropped here, by the first file.
-- switch: runs in the window: %[3]d_switch_<name>.sql, a number above all expand ones. It reads or rewrites no table that grows.
-- CREATE INDEX CONCURRENTLY stands alone in a file that begins with NO TRANSACTION.
-- +goose Up

-- Down gives back the schema that it started from, and keeps the rows written since.
-- +goose Down
`
