package release

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"onerpm/bundler/internal/mistake"
	"onerpm/internal/sqltext"
)

// Migration is one goose SQL file of a jump.
type Migration struct {
	Version       int64  // its number
	Phase         string // expand or switch
	Name          string // what stands after the phase
	File          string // relative to the project's root
	NoTransaction bool
}

const (
	maxMigrationBytes = 1 << 20
	migrationAllowed  = "<number>_expand_<name>.sql or <number>_switch_<name>.sql"
)

var (
	migrationGrammar = regexp.MustCompile(`^([0-9]{1,15})_(expand|switch)_([a-z0-9_]+)\.sql$`)
	annotation       = regexp.MustCompile(`^\s*--\s*\+goose\s+(.*?)\s*$`)
	concurrently     = regexp.MustCompile(`(?i)\b(CREATE|DROP|REINDEX|REFRESH)\b[^;]*\bCONCURRENTLY\b|\bVACUUM\b`)
)

// migrations reads a folder of goose files, sorted by number.
func (r *reader) migrations(folder, dir string) []Migration {
	entries, err := os.ReadDir(filepath.Join(r.root, dir))
	if err != nil {
		r.wrong(dir, "cannot be read: "+reason(err), "")
		return nil
	}
	var out []Migration
	for _, e := range entries {
		if Note(e) {
			continue
		}
		file := dir + "/" + e.Name()
		match := migrationGrammar.FindStringSubmatch(e.Name())
		if match == nil {
			r.wrong(file, "is no migration by its name", migrationAllowed)
			continue
		}
		if what := r.inside(folder, file); what != "" {
			r.wrong(file, what, "")
			continue
		}
		number, _ := strconv.ParseInt(match[1], 10, 64) // digits by the grammar
		m := Migration{Version: number, Phase: match[2], Name: match[3], File: file}
		r.migration(&m)
		out = append(out, m)
	}
	if len(out) == 0 {
		r.wrong(dir, "holds no migration", migrationAllowed)
	}
	slices.SortStableFunc(out, func(a, b Migration) int { return cmp.Compare(a.Version, b.Version) })
	r.numbers(out)
	return out
}

// numbers checks a sorted list: each number once, and no expand behind a switch,
// because all expand migrations have run before the first switch does.
func (r *reader) numbers(list []Migration) {
	first := Migration{}
	for i, m := range list {
		if m.Version == 0 {
			r.wrong(m.File, "number 0 is goose's own", "numbers start at 1")
		}
		if i > 0 && m.Version == list[i-1].Version {
			r.wrong(m.File, fmt.Sprintf("number %d is taken", m.Version), filepath.Base(list[i-1].File)+" has it")
		}
		switch {
		case m.Phase == "switch" && first.File == "":
			first = m
		case m.Phase == "expand" && first.File != "":
			r.wrong(m.File, "a phase out of order: an expand migration behind the switch migration "+filepath.Base(first.File),
				"give it a lower number, or make it a switch migration")
		}
	}
}

// migration reads one file and checks its form.
func (r *reader) migration(m *Migration) {
	data, err := readBounded(filepath.Join(r.root, m.File), maxMigrationBytes)
	switch {
	case err != nil:
		r.wrong(m.File, "cannot be read: "+reason(err), "")
		return
	case len(data) > maxMigrationBytes:
		r.wrong(m.File, "is too large", fmt.Sprintf("at most %d bytes", maxMigrationBytes))
		return
	}
	g := gooseFile{file: m.File, into: &r.mistakes}
	g.read(string(data))
	m.NoTransaction = g.noTransaction
	r.ups[m.File] = g.up
}

// gooseFile is a goose SQL file while it is read.
type gooseFile struct {
	file          string
	into          *mistake.List
	noTransaction bool
	up, down      *section
	now           *section
	block         int // line of the StatementBegin that is open, 0 for none
}

// section is the SQL for one direction.
type section struct {
	name   string
	line   int // of its annotation
	text   strings.Builder
	blocks []span // line numbers, relative to the section, between StatementBegin and StatementEnd
}

type span struct{ from, to int }

func (g *gooseFile) wrong(line int, what, allowed string) { g.wrongAt(line, 1, what, allowed) }

func (g *gooseFile) wrongAt(line, column int, what, allowed string) {
	g.into.Add(mistake.Mistake{File: g.file, Line: line, Column: column, What: what, Allowed: allowed})
}

func (g *gooseFile) read(src string) {
	number := 0
	for line := range strings.Lines(src) {
		number++
		if match := annotation.FindStringSubmatch(line); match != nil {
			g.annotation(number, match[1])
			line = "\n"
		}
		if g.now != nil {
			g.now.text.WriteString(line)
		} else if bare, _ := sqltext.Blank(line); strings.TrimSpace(bare) != "" {
			g.wrong(number, "SQL before -- +goose Up", "")
		}
	}
	if g.block > 0 {
		g.wrong(g.block, "StatementBegin without StatementEnd", "")
	}
	if g.up == nil {
		g.wrong(1, "no -- +goose Up", "a migration has -- +goose Up and -- +goose Down, each with SQL")
	}
	if g.down == nil {
		g.wrong(1, "no -- +goose Down", "a migration has -- +goose Up and -- +goose Down, each with SQL")
	}
	for _, s := range []*section{g.up, g.down} {
		if s != nil {
			g.section(s)
		}
	}
}

func (g *gooseFile) annotation(line int, what string) {
	switch what {
	case "Up", "Down":
		s := &section{name: what, line: line}
		switch {
		case what == "Up" && g.up == nil && g.down == nil:
			g.up = s
		case what == "Down" && g.up != nil && g.down == nil:
			g.down = s
		default:
			g.wrong(line, "-- +goose "+what+" is not expected here", "Up once, then Down once")
		}
		g.now = s
	case "StatementBegin":
		if g.block > 0 || g.now == nil {
			g.wrong(line, "StatementBegin is not expected here", "")
		}
		g.block = line
	case "StatementEnd":
		if g.block == 0 || g.now == nil {
			g.wrong(line, "StatementEnd without StatementBegin", "")
		} else {
			g.now.blocks = append(g.now.blocks, span{g.block - g.now.line, line - g.now.line})
		}
		g.block = 0
	case "NO TRANSACTION":
		g.noTransaction = true
	default:
		g.wrong(line, fmt.Sprintf("unknown annotation %q", what), "allowed: Up, Down, StatementBegin, StatementEnd, NO TRANSACTION")
	}
}

// section checks that the SQL is cut into statements where PostgreSQL would cut it.
func (g *gooseFile) section(s *section) {
	text := s.text.String()
	bare, marks := sqltext.Blank(text)
	if strings.Trim(bare, "; \t\r\n") == "" {
		g.wrong(s.line, "no SQL after -- +goose "+s.name, "every migration can go back; SELECT 1; where there is nothing to do")
		return
	}
	lineOf := func(offset int) int { return strings.Count(text[:offset], "\n") }
	inBlock := func(line int) bool {
		return slices.ContainsFunc(s.blocks, func(b span) bool { return line >= b.from && line <= b.to })
	}
	statements, inside := cut(bare, marks)
	for _, semicolon := range inside {
		if line := lineOf(semicolon.offset); !inBlock(line) && gooseCuts(text, semicolon.offset) {
			g.wrong(s.line+line, "goose would cut the statement at this semicolon, which is inside "+semicolon.of,
				"put the statement between -- +goose StatementBegin and -- +goose StatementEnd")
		}
	}
	for _, st := range statements {
		if line := lineOf(st.to); st.open && !inBlock(line) {
			g.wrong(s.line+line, "the last statement has no semicolon", "")
		}
		if what, allowed := foreign(bare[st.from:st.to]); what != "" {
			column := utf8.RuneCountInString(text[strings.LastIndexByte(text[:st.from], '\n')+1:st.from]) + 1
			g.wrongAt(s.line+lineOf(st.from), column, what, allowed)
		}
	}
	if g.noTransaction && len(statements) > 1 {
		g.wrong(s.line, fmt.Sprintf("%d statements after -- +goose %s of a NO TRANSACTION file", len(statements), s.name),
			"one statement, because half of them could be done; make a file for each")
	}
	if at := concurrently.FindStringIndex(bare); at != nil && !g.noTransaction {
		g.wrong(s.line+lineOf(at[0]), strings.Join(strings.Fields(bare[at[0]:at[1]]), " ")+" cannot run in a transaction",
			"add -- +goose NO TRANSACTION above -- +goose Up")
	}
}

// gooseCuts reports whether goose takes the semicolon for the end of a statement: when
// it is the last thing on its line but for a comment. Goose looks at no quotes.
func gooseCuts(text string, offset int) bool {
	rest, _, _ := strings.Cut(text[offset+1:], "\n")
	rest = strings.TrimSpace(rest)
	start := strings.LastIndexByte(text[:offset], '\n') + 1
	if strings.HasPrefix(strings.TrimSpace(text[start:offset]), "--") {
		return false // goose leaves whole-line comments out
	}
	for _, w := range strings.Fields(text[start:offset]) {
		if strings.HasPrefix(w, "--") {
			return false
		}
	}
	return rest == "" || strings.HasPrefix(rest, "--")
}
