package certify

import (
	"onerpm/bundler/internal/picture"
)

// rule says how the contents of a database are compared.
type rule int

const (
	same   rule = iota // all of it is as it was
	made               // schema and values are as expected; a sequence only has to be at or above its column
	grown              // clients wrote: the schema is as expected, no row is missing
	shaped             // the schema is as expected; rows come from elsewhere
)

// database tells in what a database is not what is expected.
func (f *faults) database(db string, want, now contents, r rule, left picture.LeftOut) {
	for _, name := range keysOf(want.schema, now.schema) {
		w, n := want.schema[name], now.schema[name]
		switch {
		case w == n || left.Has("schema", name):
		case w == "":
			f.add("database %s: %s is there, and should not be", db, name)
		case n == "":
			f.add("database %s: %s is missing", db, name)
		default:
			w, n := differs(w, n)
			f.add("database %s: %s is another: %q, should be %q", db, name, short(n), short(w))
		}
	}
	if r != shaped {
		f.tables(db, want, now, r, left)
	}
	f.sequences(db, want, now, r, left)
}

// lost tells rows that the bundle's migrations take away.
func (f *faults) lost(db string, before, want contents, left picture.LeftOut) {
	for _, name := range sortedKeys(before.tables) {
		b := before.tables[name]
		w, there := want.tables[name]
		switch {
		case left.Has("rows", name):
		case !there && b.rows > 0:
			f.add("table %s %s is gone by the migrations, it had %d rows", db, name, b.rows)
		case w.rows < b.rows:
			f.add("table %s %s has %d rows after the migrations, it had %d", db, name, w.rows, b.rows)
		}
	}
}

func (f *faults) tables(db string, want, now contents, r rule, left picture.LeftOut) {
	for _, name := range sortedKeys(want.tables) {
		w := want.tables[name]
		n, there := now.tables[name]
		switch {
		case left.Has("rows", name):
		case !there:
			f.add("table %s %s is gone, it should have %d rows", db, name, w.rows)
		case n.rows < w.rows || r != grown && n.rows != w.rows:
			f.add("table %s %s has %d rows, it should have %d", db, name, n.rows, w.rows)
		case r != grown && n.digest != w.digest:
			f.values(db, name, w, n, left)
		}
	}
}

// values names the columns whose values are not as expected.
func (f *faults) values(db, name string, want, now table, left picture.LeftOut) {
	told, leftOut := false, false
	for _, column := range sortedKeys(want.columns) {
		switch {
		case left.Has("columns", name+"."+column):
			leftOut = true
		case want.columns[column] != now.columns[column]:
			told = true
			f.add("table %s %s has other values in column %s", db, name, column)
		}
	}
	if !told && !leftOut {
		f.add("table %s %s has %d rows as it should, but not the same ones", db, name, now.rows)
	}
}

func (f *faults) sequences(db string, want, now contents, r rule, left picture.LeftOut) {
	for _, name := range sortedKeys(now.sequences) {
		w, n := want.sequences[name], now.sequences[name]
		switch {
		case left.Has("sequences", name):
		case n.behind != "" && w.behind == "":
			f.add("sequence %s %s stands at %s: below a value that %s has", db, name, n.last, n.behind)
		case r == same && n.last != w.last:
			f.add("sequence %s %s stands at %s, stood at %s", db, name, n.last, w.last)
		}
	}
}

// roles tells who may do what otherwise than before.
func (f *faults) roles(db string, before, now contents, left picture.LeftOut) {
	for _, name := range keysOf(before.roles, now.roles) {
		b, had := before.roles[name]
		n, has := now.roles[name]
		switch {
		case had == has && b == n || left.Has("roles", name):
		case !had:
			f.add("database %s: %s is new: %s", db, name, short(n))
		case !has:
			f.add("database %s: %s is gone", db, name)
		default:
			f.add("database %s: %s is %q, was %q", db, name, short(n), short(b))
		}
	}
}

func keysOf(a, b map[string]string) []string {
	all := map[string]bool{}
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	return sortedKeys(all)
}
