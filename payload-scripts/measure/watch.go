package measure

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Statement is what one statement of a migration did to tables that were there before the jump.
type Statement struct {
	File      string        `json:"file"`              // the migration's
	Down      bool          `json:"down,omitempty"`    // on the way back
	SQL       string        `json:"sql"`               // on one line, cut short
	Took      time.Duration `json:"took"`              // nanoseconds
	Locks     []Lock        `json:"locks"`             // held at its end by its transaction, those that keep others from writing
	Scanned   []string      `json:"scanned"`           // tables that were read from end to end
	Rewritten []string      `json:"rewritten"`         // tables that are in another file than before
	Unknown   bool          `json:"unknown,omitempty"` // it ran outside a transaction: nobody can tell the rest

	text string // whole
}

// Lock is a lock on a table.
type Lock struct {
	Table string `json:"table"`
	Mode  string `json:"mode"` // as pg_locks names it, e.g. AccessExclusiveLock
}

// table is what can be seen of one from within a transaction.
type table struct {
	name  string
	file  int64 // its relfilenode
	scans int64 // by this session, since it last told them to the statistics
	rows  int64 // estimated
	mode  string
}

// blocking are the modes that keep others from writing, the strongest first.
var blocking = []string{"AccessExclusiveLock", "ExclusiveLock", "ShareRowExclusiveLock", "ShareLock"}

// watcher is told of every statement of a session and looks, within the
// statement's own transaction, at what it did.
type watcher struct {
	dir string // of the migrations

	mu    sync.Mutex
	known map[int64]bool // the tables that were there before the jump, by oid
	off   bool           // nothing is to be noted
	file  string         // of the migration under way, "" for none
	text  string         // of that file
	down  bool
	seen  []Statement
}

var _ pgx.QueryTracer = (*watcher)(nil)

type (
	lookKey  struct{} // the watcher's own questions
	startKey struct{}
)

// started is what was seen before a statement.
type started struct {
	sql    string
	at     time.Time
	in     bool // a transaction
	before map[int64]table
}

// TraceQueryStart implements pgx.QueryTracer.
func (w *watcher) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if ctx.Value(lookKey{}) != nil || !w.wants(data.SQL) {
		return ctx
	}
	s := &started{sql: data.SQL, in: conn.PgConn().TxStatus() == 'T'}
	if s.in {
		s.before, _ = tablesByOID(ctx, conn) // without it nothing is reported, below
	}
	s.at = time.Now()
	return context.WithValue(ctx, startKey{}, s)
}

// TraceQueryEnd implements pgx.QueryTracer.
func (w *watcher) TraceQueryEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryEndData) {
	s, is := ctx.Value(startKey{}).(*started)
	if !is || data.Err != nil || ctx.Value(lookKey{}) != nil {
		return
	}
	st := Statement{SQL: short(s.sql), Took: time.Since(s.at), Unknown: true, text: s.sql}
	if s.in {
		if after, err := tablesByOID(ctx, conn); err == nil && s.before != nil {
			st.Unknown = false
			w.compare(&st, s.before, after)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	st.File, st.Down = w.file, w.down
	w.seen = append(w.seen, st)
}

// wants reports whether a statement is one of the migration's own: the engine's record
// is kept in the same sessions.
func (w *watcher) wants(sql string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.file != "" && !w.off && lineOf(w.text, sql) > 0
}

// lineOf finds a statement in a file by its first line that is no comment: from 1, 0
// when it is not there.
func lineOf(file, statement string) int {
	first := ""
	for line := range strings.Lines(statement) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "--") {
			first = line
			break
		}
	}
	n := 0
	for line := range strings.Lines(file) {
		if n++; first != "" && strings.Contains(line, first) {
			return n
		}
	}
	return 0
}

// compare tells what became of the tables that were there before the jump.
func (w *watcher) compare(st *Statement, before, after map[int64]table) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for oid, b := range before {
		a, still := after[oid]
		if !w.known[oid] || !still {
			continue
		}
		if a.scans > b.scans {
			st.Scanned = append(st.Scanned, a.name)
		}
		if a.file != b.file {
			st.Rewritten = append(st.Rewritten, a.name)
		}
		if a.mode != "" {
			st.Locks = append(st.Locks, Lock{a.name, a.mode})
		}
	}
	slices.Sort(st.Scanned)
	slices.Sort(st.Rewritten)
	slices.SortFunc(st.Locks, func(a, b Lock) int { return strings.Compare(a.Table, b.Table) })
}

// migrating is told which migration is under way, and "" when none is.
func (w *watcher) migrating(file string, up bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.file, w.down, w.text = file, !up, ""
	if data, err := os.ReadFile(filepath.Join(w.dir, file)); err == nil && file != "" { // what cannot be read was not applied either
		w.text = string(data)
	}
}

// end has the watcher note nothing more, and returns what it noted.
func (w *watcher) end() []Statement {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.off = true
	return w.seen
}

// tablesByOID reads the state of all tables, by oid. Its own locks are on PostgreSQL's catalogs alone.
func tablesByOID(ctx context.Context, conn *pgx.Conn) (map[int64]table, error) {
	ctx = context.WithValue(ctx, lookKey{}, true)
	rows, err := conn.Query(ctx, `SELECT c.oid::bigint, n.nspname, c.relname, c.relfilenode::bigint, greatest(c.reltuples, 0)::bigint, coalesce(pg_stat_get_xact_numscans(c.oid), 0),
			coalesce((SELECT string_agg(DISTINCT l.mode, ' ') FROM pg_catalog.pg_locks l WHERE l.pid = pg_backend_pid() AND l.granted
				AND l.locktype = 'relation' AND l.relation = c.oid AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())), '')
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`)
	if err != nil {
		return nil, err
	}
	found := map[int64]table{}
	var oid int64
	var schema, modes string
	var t table
	_, err = pgx.ForEachRow(rows, []any{&oid, &schema, &t.name, &t.file, &t.rows, &t.scans, &modes}, func() error {
		one := t
		if schema != "public" {
			one.name = schema + "." + one.name
		}
		held := strings.Fields(modes)
		for _, mode := range blocking {
			if slices.Contains(held, mode) {
				one.mode = mode
				break
			}
		}
		found[oid] = one
		return nil
	})
	return found, err
}

// short is a statement on one line, cut short.
func short(sql string) string {
	var words []string
	for line := range strings.Lines(sql) {
		code, _, _ := strings.Cut(line, "--")
		words = append(words, strings.Fields(code)...)
	}
	s := []rune(strings.TrimSuffix(strings.Join(words, " "), ";"))
	if len(s) > 100 {
		return string(s[:97]) + "..."
	}
	return string(s)
}
