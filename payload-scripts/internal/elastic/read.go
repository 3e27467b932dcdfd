package elastic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"onerpm/payload-scripts/internal/document"
)

// Query names the documents to be read.
type Query struct {
	Index string // a name, or a pattern with *
	Type  string
	Field string    // with Since: the time of writing
	Since time.Time // only documents whose time is not before this one; zero for all
	IDs   bool      // only what the documents are called, without their sources
}

const (
	keepAlive = "5m"        // of a scroll between two pages
	pageBytes = 4 << 20     // that a page should have
	sizesAge  = time.Minute // how old what is known of the indices' sizes may be
	maxPage   = 2000        // documents of a page that one shard gives
	sampled   = 10          // documents that are looked at to choose a page
	maxHit    = 128 << 20   // bytes of one document; the other side takes requests of 100 MB
)

// millis is how a time is written in a query.
const millis = "2006-01-02T15:04:05.000Z"

func sinceQuery(field string, since time.Time) string {
	name, err := json.Marshal(field)
	if err != nil {
		name = []byte(`""`)
	}
	return `"query":{"filtered":{"filter":{"range":{` + string(name) + `:{"gte":"` + since.UTC().Format(millis) + `"}}}}}`
}

func (q Query) body(more string) string {
	body := "{"
	if !q.Since.IsZero() {
		body += sinceQuery(q.Field, q.Since) + ","
	} else {
		body += `"query":{"match_all":{}},`
	}
	if q.IDs {
		body += `"fields":[],`
	}
	return body + more + `"version":true}`
}

func (q Query) path() string { return "/" + escape(q.Index) + "/" + escape(q.Type) + "/_search" }

// Read calls each with every document that was visible when it began; later writes are not
// in it. The document and its source are good until each returns. It returns how many there were: as many
// as the other side announced, of all shards, or an error.
func (c *Client) Read(ctx context.Context, q Query, each func(*document.Document) error) (n int64, err error) {
	n, err = c.read(ctx, q, each)
	if err != nil {
		err = fmt.Errorf("read %s/%s of %s: %w", q.Index, q.Type, c, err)
	}
	return n, err
}

func (c *Client) read(ctx context.Context, q Query, each func(*document.Document) error) (n int64, err error) {
	size, err := c.pageSize(ctx, q)
	if err != nil || size == 0 {
		return 0, err
	}
	first, err := c.scan(ctx, q, size)
	if err != nil {
		return 0, err
	}
	id := first.scroll
	defer func() { c.forget(ctx, id) }()
	if err := first.shards.checkComplete(); err != nil {
		return 0, err
	}
	for {
		began := time.Now()
		p, err := c.next(ctx, id, each)
		if p.scroll != "" {
			id = p.scroll
		}
		n += p.hits
		if err != nil {
			return n, err
		}
		if p.hits == 0 {
			break
		}
		if c.Pause != nil {
			if err := c.Pause(ctx, time.Since(began)); err != nil {
				return n, err
			}
		}
	}
	if n != first.total {
		return n, fmt.Errorf("%w: %d documents came of %d that were announced", ErrShards, n, first.total)
	}
	return n, nil
}

// scan begins a scroll: a snapshot, whose documents come in no order.
func (c *Client) scan(ctx context.Context, q Query, size int) (page, error) {
	answer, err := c.stream(ctx, http.MethodPost, q.path(), url.Values{
		"search_type": {"scan"}, "scroll": {keepAlive}, "size": {strconv.Itoa(size)}}, q.body(""))
	if err != nil {
		return page{}, err
	}
	defer answer.Close() //nolint:errcheck // it was only read
	p, err := readPage(answer, nil)
	if err == nil && (p.hits > 0 || p.scroll == "") {
		err = errors.New("the answer is no begin of a scroll")
	}
	return p, err
}

// next reads the next page of a scroll.
func (c *Client) next(ctx context.Context, scroll string, each func(*document.Document) error) (page, error) {
	answer, err := c.stream(ctx, http.MethodPost, "/_search/scroll", url.Values{"scroll": {keepAlive}}, scroll)
	if err != nil {
		return page{}, err
	}
	defer answer.Close() //nolint:errcheck // it was only read
	p, err := readPage(answer, each)
	if err == nil && p.shards.Failed > 0 {
		err = fmt.Errorf("%w: %d failed", ErrShards, p.shards.Failed)
	}
	return p, err
}

// forget lets the other side free what it keeps for a scroll. It may not be there any more.
func (c *Client) forget(ctx context.Context, scroll string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if answer, err := c.stream(ctx, http.MethodDelete, "/_search/scroll", nil, scroll); err == nil {
		_ = answer.Close()
	}
}

// pageSize chooses how many documents each shard gives for a page: by the size of some of
// them, and by the average that the index takes on disk, which rare large ones raise too. It
// is 0 when there are no documents.
func (c *Client) pageSize(ctx context.Context, q Query) (int, error) {
	largest, sum, n := int64(0), int64(0), int64(0)
	answer, err := c.stream(ctx, http.MethodPost, q.path(), nil, q.body(`"size":`+strconv.Itoa(sampled)+`,`))
	if err != nil {
		return 0, err
	}
	defer answer.Close() //nolint:errcheck // it was only read
	p, err := readPage(answer, func(d *document.Document) error {
		size := int64(len(d.Source) + len(d.ID) + 100)
		largest, sum, n = max(largest, size), sum+size, n+1
		return nil
	})
	if err != nil {
		return 0, err
	}
	if err := p.shards.checkComplete(); err != nil {
		return 0, err
	}
	if p.total == 0 {
		return 0, nil
	}
	if n == 0 {
		return 0, fmt.Errorf("none of %d documents came", p.total)
	}
	each := max(2*sum/n, largest)
	if !q.IDs {
		if time.Since(c.sizesAt) > sizesAge {
			if _, err := c.Stats(ctx); err != nil {
				return 0, err
			}
		}
		if i, known := c.sizes[q.Index]; known && i.Count > 0 {
			each = max(each, i.Bytes/i.Count)
		}
	}
	return choose(each, p.shards.Total), nil
}

// choose returns how many documents of a size each of some shards gives for a page.
func choose(bytes int64, shards int) int {
	return int(min(maxPage, max(1, pageBytes/(max(1, bytes)*int64(max(1, shards))))))
}
