package release

import (
	"fmt"
	"path/filepath"
	"slices"

	"onerpm/internal/manifest"
	"onerpm/internal/sqltext"
)

const maxBatch = 1_000_000

// databases checks the databases of a spec, and reads their migrations.
func (r *reader) databases(p *page, s *Spec, folder string) {
	first := map[string]int{}
	for i, db := range s.Databases {
		at := under([]any{"databases", i})
		if p.need(db.Name, "a name for the database, used in the bundle", at("name")...) {
			p.match(databaseGrammar, db.Name, "lower case letters, digits, _ and -", at("name")...)
			if line, twice := first[db.Name]; twice {
				p.wrong(fmt.Sprintf("database %s stands here twice", db.Name), fmt.Sprintf("the first is on line %d", line), at("name")...)
			} else {
				first[db.Name] = p.doc.Mistake("", "", at("name")...).Line
			}
		}
		for _, m := range db.Mistakes() {
			p.wrong(m.What, "", at(m.Path...)...)
		}
		r.connection(p, s, db, at("connection"))
		p.expects(db.Expects, at("expects"))
		p.expects(db.Becomes, at("becomes"))
		if db.Checks != "" {
			r.inFolder(p, folder, db.Checks, false, at("checks")...)
		}
		if db.Migrations != "" {
			if dir := r.inFolder(p, folder, db.Migrations, true, at("migrations")...); dir != "" {
				s.Migrations[db.Name] = r.migrations(folder, dir)
			}
		}
		for j, folder := range db.Programs {
			if p.hostPath(folder, at("programs", j)...) && !isPattern(folder) {
				p.wrong(fmt.Sprintf("%q cannot be looked for", folder), "an absolute path in which * stands for any name", at("programs", j)...)
			}
		}
		for j, table := range db.Small {
			p.need(table, "a table that does not grow with use", at("small", j)...)
		}
		for j, b := range db.Backfill {
			p.backfill(b, at("backfill", j))
		}
	}
}

// isPattern reports whether a pattern of folders can be looked for.
func isPattern(pattern string) bool {
	_, err := filepath.Match(pattern, "/")
	return err == nil
}

func (p *page) expects(e *manifest.Expects, base []any) {
	if e == nil {
		return
	}
	at := under(base)
	p.need(e.Query, "a query that returns one value", at("query")...)
	p.need(e.Value, "the value that it must return, as text", at("value")...)
}

func (p *page) backfill(b manifest.Backfill, base []any) {
	at := under(base)
	p.need(b.Table, "the table", at("table")...)
	p.need(b.Set, "SQL of the SET clause", at("set")...)
	p.need(b.Where, "SQL that is true for a row that is yet to be filled", at("where")...)
	for _, part := range []struct{ key, sql string }{{"set", b.Set}, {"where", b.Where}} {
		if _, marks := sqltext.Blank(part.sql); slices.ContainsFunc(marks, func(m sqltext.Semicolon) bool { return m.Top }) {
			p.wrong("a semicolon, which ends the statement", "a part of the UPDATE that the upgrade writes", at(part.key)...)
		}
	}
	switch {
	case b.Batch == 0 && !p.doc.Has(at("batch")...):
		p.missing("rows of one transaction, e.g. 5000", at("batch")...)
	case b.Batch < 1 || b.Batch > maxBatch:
		p.wrong(fmt.Sprintf("a batch of %d rows", b.Batch), fmt.Sprintf("from 1 to %d", maxBatch), at("batch")...)
	}
}

// numberLines checks that the migrations of a database have one number line over
// all jumps: goose's record of what was applied is kept for the product's life.
func (r *reader) numberLines() {
	starts := map[string]bool{}
	for from := range r.cat.Jumps {
		starts[from] = true
	}
	for _, to := range r.cat.Jumps {
		delete(starts, to)
	}
	for _, start := range sortedKeys(starts) {
		last := map[string]Migration{}
		for at := start; r.cat.Jumps[at] != ""; at = r.cat.Jumps[at] {
			s := r.cat.Specs[at+"-"+r.cat.Jumps[at]]
			for _, db := range sortedKeys(s.Migrations) {
				for _, m := range s.Migrations[db] {
					if before, has := last[db]; has && m.Version <= before.Version {
						r.wrong(m.File, fmt.Sprintf("number %d is not above %d", m.Version, before.Version),
							"the last one of the jump before is "+filepath.Base(before.File))
						break
					}
				}
				if n := len(s.Migrations[db]); n > 0 {
					last[db] = s.Migrations[db][n-1]
				}
			}
		}
	}
}
