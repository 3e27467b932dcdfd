// Command naive copies the documents of the demo product's release 3.4.2 into the tables of 4.0.1 in one go, as a
// program would that is written for this one purpose: it reads page after page of an index, decodes the documents, and
// copies the rows of each page. It checks nothing, counts nothing and cannot go on after a stop. At its end it prints how
// much memory it had at most, in KiB.
//
//	naive CONNECTION
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
)

const (
	elasticsearch = "http://127.0.0.1:9200"
	pageSize      = 200 // documents of each shard
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "naive:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: naive CONNECTION")
	}
	conn, err := pgx.Connect(ctx, args[0])
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // every row was copied or it failed
	for _, name := range enumerations {
		t, err := conn.LoadType(ctx, name)
		if err != nil {
			return err
		}
		conn.TypeMap().RegisterType(t)
	}
	c := &copier{ctx: ctx, conn: conn, numbers: map[string]map[string]int32{}}
	for _, t := range tables {
		if err := c.copy(t); err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
	}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return err
	}
	fmt.Println(used.Maxrss)
	return nil
}

// hit is a document as a search returns it.
type hit struct {
	ID      string         `json:"_id"`
	Version int32          `json:"_version"`
	Source  map[string]any `json:"_source"`
}

type copier struct {
	ctx     context.Context
	conn    *pgx.Conn
	numbers map[string]map[string]int32 // of the rows of a table, by their keys
}

// copy fills a table.
func (c *copier) copy(t table) error {
	c.numbers[t.name] = map[string]int32{}
	columns := append([]string{"_storage_id"}, t.columns...)
	if t.name == "provider_context" {
		columns = t.columns
	} else {
		columns = append(columns, "_tenant_id", "_creator_id", "private_resource")
	}
	next := int32(0)
	return c.read(t.index, t.kind, func(page []hit) error {
		var rows [][]any
		for _, h := range page {
			for _, values := range t.rows(c, h) {
				next++
				if t.key != nil {
					c.numbers[t.name][t.key(h)] = next
				}
				if t.name != "provider_context" {
					values = append(append([]any{next}, values...), int32(0), int32(0), false)
				}
				rows = append(rows, values)
			}
		}
		_, err := c.conn.CopyFrom(c.ctx, pgx.Identifier{t.name}, columns, pgx.CopyFromRows(rows))
		return err
	})
}

// read gives all documents of a type, a page at a time.
func (c *copier) read(index, kind string, each func([]hit) error) error {
	var page struct {
		Scroll string `json:"_scroll_id"`
		Hits   struct{ Hits []hit }
	}
	first := fmt.Sprintf("/%s/%s/_search?search_type=scan&scroll=5m&version=true&size=%d", index, kind, pageSize)
	if err := c.ask(first, `{"query":{"match_all":{}},"version":true}`, &page); err != nil {
		return err
	}
	for {
		scroll := page.Scroll
		page.Hits.Hits = nil
		if err := c.ask("/_search/scroll?scroll=5m", scroll, &page); err != nil {
			return err
		}
		if len(page.Hits.Hits) == 0 {
			return nil
		}
		if err := each(page.Hits.Hits); err != nil {
			return err
		}
	}
}

func (c *copier) ask(path, body string, into any) error {
	req, err := http.NewRequestWithContext(c.ctx, http.MethodPost, elasticsearch+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, answer.Status)
	}
	d := json.NewDecoder(answer.Body)
	d.UseNumber()
	return d.Decode(into)
}

// structure is what a column holds that keeps JSON.
func structure(v any) any {
	if v == nil {
		return nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil
	}
	return b.Bytes()
}
