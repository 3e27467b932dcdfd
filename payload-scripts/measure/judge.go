package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"onerpm/payload-scripts/internal/dbcheck"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/migration"
	"onerpm/payload-scripts/internal/trial"
)

// few is how many rows a table may have that a statement which asks for rows reads from
// end to end: below, PostgreSQL's planner prefers that to any index.
const few = 1000

// judge goes the whole way and tells what is wrong with it.
func (t *copied) judge(ctx context.Context, db *migration.Runner) (*Result, error) {
	version, err := db.Count(ctx, "SELECT current_setting('server_version_num')")
	if err != nil {
		return nil, err
	}
	r := &Result{Database: t.Database.Name, Server: versionText(version), Findings: []finding.Finding{}, Statements: []Statement{}, Mistakes: []Mistake{}}
	if found := dbcheck.Run(ctx, db.DB, dbcheck.Files{Checks: t.Database.Checks, Migrations: t.Database.Migrations}); len(found) > 0 {
		r.Findings = found
		for _, f := range found {
			if f.Level == finding.Refuse {
				return nil, &NotUsableError{fmt.Errorf("no host with this database would be upgraded: %s", f.What), f.Do}
			}
		}
	}
	err = t.way(ctx, db, r)
	if seen := t.watch.end(); len(seen) > 0 {
		r.Statements = seen
	}
	for _, s := range r.Statements {
		r.Mistakes = append(r.Mistakes, t.mistakes(s)...)
	}
	return r, err
}

// way goes up, down and up again, as far as it gets. The error is that of somebody
// who wants it to end.
func (t *copied) way(ctx context.Context, r *migration.Runner, res *Result) error {
	said := map[trial.Stage]string{trial.Expand: "migrate up", trial.Switch: "migrate up", trial.Back: "migrate down", trial.Again: "migrate up again"}
	seen, err := trial.Run(ctx, r, trial.Options{Again: true, Begin: func(s trial.Stage) {
		if s == trial.Again {
			t.watch.end()
		}
		if s != trial.Switch { // it is one way with Expand
			t.Note(said[s])
		}
	}})
	if seen == nil {
		return err
	}
	res.differ("the way up and down does not give back the schema", seen.Back)
	if seen.Failed != nil {
		res.Mistakes = append(res.Mistakes, t.failed(said[seen.Failed.Stage], seen.Failed.Err))
	}
	res.differ("the second way up does not lead to the schema of the first", seen.Again)
	return err
}

// failed is a migration that did not happen.
func (t *copied) failed(what string, err error) Mistake {
	m := Mistake{What: what + ": " + err.Error()}
	if e := (*migration.Error)(nil); errors.As(err, &e) {
		m.File, m.Line = e.File, t.line(e.File, firstWords(e.Text))
	}
	return m
}

// firstWords leaves of a statement that was put on one line what stands on one line of most files.
func firstWords(text string) string {
	words := strings.Fields(text)
	return strings.Join(words[:min(len(words), 3)], " ")
}

// differ tells of the lines that only one of two schemas has.
func (r *Result) differ(what string, lines []string) {
	if len(lines) > 0 {
		r.Mistakes = append(r.Mistakes, Mistake{What: what + ": " + strings.Join(lines, " | "), Do: "correct the Down or the Up of the migration that has to do with it"})
	}
}

// mistakes judges a statement by when it runs.
func (t *copied) mistakes(s Statement) []Mistake {
	var found []Mistake
	wrong := func(do, format string, args ...any) {
		found = append(found, Mistake{s.File, t.line(s.File, s.text), fmt.Sprintf(format, args...) + ": " + s.SQL, do})
	}
	scanned, rewritten := t.large(s, s.Scanned), slices.DeleteFunc(slices.Clone(s.Rewritten), t.small)
	if strings.Contains(s.File, "_switch_") {
		switch {
		case s.Unknown:
			wrong("make it part of a transaction, or an expand migration", "runs outside a transaction in the window")
		case len(rewritten) > 0:
			wrong(doWindow, "rewrites %s in the window", strings.Join(rewritten, ", "))
		case len(scanned) > 0:
			wrong(doWindow, "reads %s from end to end in the window", strings.Join(scanned, ", "))
		}
		return found
	}
	var locked []string
	for _, l := range s.Locks {
		if !t.small(l.Table) {
			locked = append(locked, l.Table)
		}
	}
	switch {
	case len(rewritten) > 0:
		wrong(doExpand, "rewrites %s while the old release serves", strings.Join(rewritten, ", "))
	case len(scanned) > 0 && len(locked) > 0:
		wrong(doExpand, "reads %s from end to end, and keeps the old release from writing to %s meanwhile", strings.Join(scanned, ", "), strings.Join(locked, ", "))
	}
	return found
}

const (
	doWindow = "do it in an expand migration, or, when the table does not grow with use, name it under small"
	doExpand = "add columns without a computed default and fill them by a backfill; build indexes CONCURRENTLY; add constraints NOT VALID and validate them in a later file; " +
		"or, when the table does not grow with use, name it under small"
)

// small reports whether the spec says that a table does not grow with use.
func (t *copied) small(table string) bool { return slices.Contains(t.Database.Small, table) }

// large leaves out of the tables that a statement read those that do not matter. A
// statement that asks for rows of a table with few of them would ask an index if there were more.
func (t *copied) large(s Statement, tables []string) []string {
	word, _, _ := strings.Cut(strings.ToLower(s.SQL), " ")
	definition := slices.Contains([]string{"alter", "create", "reindex", "cluster", "refresh"}, word)
	return slices.DeleteFunc(slices.Clone(tables), func(table string) bool {
		return t.small(table) || !definition && t.rows[table] < few
	})
}

// line is where a statement stands in its file: from 1, 0 when that is not known.
func (t *copied) line(file, text string) int {
	data, err := os.ReadFile(filepath.Join(t.Database.Migrations, file))
	if err != nil {
		return 0
	}
	return lineOf(string(data), strings.TrimSuffix(text, "..."))
}

// versionText turns server_version_num into what people say: 15.4, 9.6.24.
func versionText(n int64) string {
	if n < 100000 {
		return fmt.Sprintf("%d.%d.%d", n/10000, n/100%100, n%100)
	}
	return fmt.Sprintf("%d.%d", n/10000, n%10000)
}
