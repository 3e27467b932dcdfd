package trial

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
)

// Row is how one trial ended.
type Row interface {
	Key() string     // names the trial; the last row of a key counts
	Order() string   // where it stands on the page
	By() string      // SHA-256 of the engine that was tried
	Problem() string // why it failed, "" if it did not
}

// Results is a file of results: one JSON value a line, first the head, which says what was
// tried, then the rows. It is written anew, with the page made of it, whenever a row is added. A nil one keeps nothing.
type Results[H any, R Row] struct {
	Head H
	Draw func(H, []R) string // makes the page

	file, page string
	mu         sync.Mutex
	rows       map[string]R
}

// Open reads the results that earlier runs left; there need be none.
func Open[H any, R Row](file, page string, draw func(H, []R) string) (*Results[H, R], error) {
	r := &Results[H, R]{Draw: draw, file: file, page: page, rows: map[string]R{}}
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the results: %w", err)
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if n == 1 {
			err = json.Unmarshal(lines.Bytes(), &r.Head)
		} else {
			var one R
			err = json.Unmarshal(lines.Bytes(), &one)
			r.rows[one.Key()] = one
		}
		if err != nil {
			return nil, fmt.Errorf("read the results, %s:%d: %w", file, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the results, %s: %w", file, err)
	}
	return r, nil
}

// Keep forgets the rows that are not wanted any more, and returns their keys, sorted.
func (r *Results[H, R]) Keep(wanted func(R) bool) (forgotten []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, one := range r.rows {
		if !wanted(one) {
			forgotten = append(forgotten, key)
			delete(r.rows, key)
		}
	}
	sort.Strings(forgotten)
	return forgotten
}

// How soon a trial is due.
const (
	Never   = iota // it was never tried
	Failed         // it failed
	Earlier        // an earlier engine passed it
	Passed         // this engine passed it: it need not be tried again
)

// Due says how soon a trial is due with an engine.
func (r *Results[H, R]) Due(key, engine string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	one, ok := r.rows[key]
	switch {
	case !ok:
		return Never
	case one.Problem() != "":
		return Failed
	case one.By() != engine:
		return Earlier
	}
	return Passed
}

// Add keeps a row, and writes file and page anew.
func (r *Results[H, R]) Add(one R) error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows[one.Key()] = one
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(r.Head)
	rows := r.sorted()
	for _, row := range rows {
		err = errors.Join(err, enc.Encode(row))
	}
	if err = errors.Join(err, replace(r.file, b.String()), replace(r.page, r.Draw(r.Head, rows))); err != nil {
		return fmt.Errorf("keep the result: %w", err)
	}
	return nil
}

// Page returns what the page must say.
func (r *Results[H, R]) Page() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Draw(r.Head, r.sorted())
}

// WritePage writes the page alone.
func (r *Results[H, R]) WritePage() error { return replace(r.page, r.Page()) }

func (r *Results[H, R]) sorted() []R {
	rows := make([]R, 0, len(r.rows))
	for _, one := range r.rows {
		rows = append(rows, one)
	}
	sort.Slice(rows, func(i, j int) bool {
		a, b := rows[i].Order(), rows[j].Order()
		return a < b || a == b && rows[i].Key() < rows[j].Key()
	})
	return rows
}

func replace(path, text string) error {
	if err := os.WriteFile(path+"~", []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(path+"~", path)
}

// Engines says in a sentence which engines the rows were tried with: "All were tried with ...".
func Engines[R Row](engine string, rows []R) string {
	present := 0
	for _, one := range rows {
		if one.By() == engine {
			present++
		}
	}
	switch earlier := len(rows) - present; {
	case earlier == 0:
		return fmt.Sprintf("All were tried with the engine of SHA-256 %.16s", engine)
	case present == 0:
		return fmt.Sprintf("All were tried with engines before the one of SHA-256 %.16s", engine)
	default:
		return fmt.Sprintf("%d were tried with the engine of SHA-256 %.16s, the other %d with engines before it", present, engine, earlier)
	}
}

// Cell makes a text fit for a cell of a Markdown table.
func Cell(s string) string {
	if s == "" {
		return ""
	}
	return "`" + strings.NewReplacer("`", "'", "|", `\|`, "\n", " ").Replace(s) + "`"
}
