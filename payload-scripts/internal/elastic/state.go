package elastic

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strings"
	"time"
)

// Version returns the version, which must be one of 1.x.
func (c *Client) Version(ctx context.Context) (string, error) {
	var root struct {
		Status  int `json:"status"` // only 1.x has it
		Version struct {
			Number string `json:"number"`
		} `json:"version"`
	}
	if err := c.requestJSON(ctx, http.MethodGet, "/", nil, "", &root); err != nil {
		return "", c.wrap("ask the version", err)
	}
	if !strings.HasPrefix(root.Version.Number, major) {
		return "", fmt.Errorf("%s is version %q: %w", c, root.Version.Number, ErrVersion)
	}
	return root.Version.Number, nil
}

// Ready waits until every primary shard answers, which takes seconds after a start: until
// then searches answer with a part of the documents and without an error.
func (c *Client) Ready(ctx context.Context) error {
	deadline := time.Now().Add(cmp.Or(c.Patience, readyLimit))
	for {
		err := c.ready(ctx)
		if err == nil || ctx.Err() != nil || !Lost(err) || time.Now().After(deadline) {
			return c.wrap("wait for the shards", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(readyPause):
		}
	}
}

func (c *Client) ready(ctx context.Context) error {
	if _, err := c.Version(ctx); err != nil {
		return err
	}
	var health struct {
		Status    string `json:"status"`
		TimedOut  bool   `json:"timed_out"`
		Primaries int    `json:"active_primary_shards"`
	}
	// One node never has replicas: yellow is all there will be.
	if err := c.requestJSON(ctx, http.MethodGet, "/_cluster/health", url.Values{"wait_for_status": {"yellow"}, "timeout": {"30s"}}, "", &health); err != nil {
		var said *Error
		if errors.As(err, &said) && said.Status == http.StatusRequestTimeout {
			return fmt.Errorf("%w: some are still not assigned; look at %s/_cat/shards", ErrShards, c.base)
		}
		return err
	}
	if health.TimedOut || health.Status == "red" {
		return fmt.Errorf("%w: the health is %s with %d primary shards; look at %s/_cat/shards", ErrShards, health.Status, health.Primaries, c.base)
	}
	return nil
}

// Refresh makes everything that was written visible to searches and counts.
func (c *Client) Refresh(ctx context.Context) error {
	return c.wrap("refresh", c.broadcast(ctx, "/_refresh"))
}

// Flush makes everything that was written durable: 1.x keeps the log of the last seconds in
// its memory.
func (c *Client) Flush(ctx context.Context) error {
	return c.wrap("flush", c.broadcast(ctx, "/_flush"))
}

// shards is how many answered. Replicas that nobody has are counted in total by these
// requests, so only what failed tells.
type shards struct {
	Total      int `json:"total"`
	Successful int `json:"successful"`
	Failed     int `json:"failed"`
}

// checkComplete demands that every shard of a search or count answered.
func (s shards) checkComplete() error {
	if s.Total == 0 || s.Successful == s.Total && s.Failed == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d of %d did, %d failed", ErrShards, s.Successful, s.Total, s.Failed)
}

func (c *Client) broadcast(ctx context.Context, path string) error {
	var answer struct {
		Shards shards `json:"_shards"`
	}
	if err := c.requestJSON(ctx, http.MethodPost, path, nil, "", &answer); err != nil {
		return err
	}
	if answer.Shards.Failed > 0 {
		return fmt.Errorf("%w: %d of %d failed", ErrShards, answer.Shards.Failed, answer.Shards.Total)
	}
	return nil
}

// Indices lists the indices by name. A closed one is an error: nobody can read it.
func (c *Client) Indices(ctx context.Context) ([]string, error) {
	var text string
	if err := c.requestJSON(ctx, http.MethodGet, "/_cat/indices", url.Values{"h": {"status,index"}}, "", &text); err != nil {
		return nil, c.wrap("list the indices", err)
	}
	var names []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0:
			continue
		case len(fields) == 1 && fields[0] != "close" && fields[0] != "open": // 1.x before 1.5 lists open ones only, without a status
			names = append(names, fields[0])
			continue
		case len(fields) != 2:
			return nil, fmt.Errorf("list the indices of %s: the line %q is not understood", c, line)
		case fields[0] != "open":
			return nil, fmt.Errorf("%w: index %s of %s; open it (POST /%s/_open) or delete it", ErrClosed, fields[1], c, fields[1])
		}
		names = append(names, fields[1])
	}
	sort.Strings(names)
	return names, nil
}

// Kind is an index and a type of documents in it.
type Kind struct{ Index, Type string }

// String is index/type.
func (k Kind) String() string { return k.Index + "/" + k.Type }

// Counts counts the visible documents of every index and type.
func (c *Client) Counts(ctx context.Context) (map[Kind]int64, error) {
	counts, err := c.counts(ctx, "", "")
	return counts, c.wrap("count the documents", err)
}

// CountsSince counts, of one type in the indices of a pattern, those whose time is not before
// another one.
func (c *Client) CountsSince(ctx context.Context, pattern, kind, field string, since time.Time) (map[Kind]int64, error) {
	counts, err := c.counts(ctx, "/"+escape(pattern)+"/"+escape(kind), sinceQuery(field, since)+",")
	return counts, c.wrap("count the documents", err)
}

func (c *Client) counts(ctx context.Context, path, query string) (map[Kind]int64, error) {
	type bucket struct {
		Key   string `json:"key"`
		Count int64  `json:"doc_count"`
		Types struct {
			Others  int64 `json:"sum_other_doc_count"`
			Buckets []struct {
				Key   string `json:"key"`
				Count int64  `json:"doc_count"`
			} `json:"buckets"`
		} `json:"types"`
	}
	var answer struct {
		TimedOut bool   `json:"timed_out"`
		Shards   shards `json:"_shards"`
		Hits     struct {
			Total int64 `json:"total"`
		} `json:"hits"`
		Aggregations struct {
			Indices struct {
				Others  int64    `json:"sum_other_doc_count"`
				Buckets []bucket `json:"buckets"`
			} `json:"indices"`
		} `json:"aggregations"`
	}
	body := `{` + query + `"aggs":{"indices":{"terms":{"field":"_index","size":0},"aggs":{"types":{"terms":{"field":"_type","size":0}}}}}}`
	if err := c.requestJSON(ctx, http.MethodPost, path+"/_search", url.Values{"search_type": {"count"}}, body, &answer); err != nil {
		return nil, err
	}
	if answer.TimedOut {
		return nil, fmt.Errorf("%w in time", ErrShards)
	}
	if err := answer.Shards.checkComplete(); err != nil {
		return nil, err
	}
	counts, sum := map[Kind]int64{}, int64(0)
	for _, index := range answer.Aggregations.Indices.Buckets {
		for _, t := range index.Types.Buckets {
			counts[Kind{index.Key, t.Key}] = t.Count
			sum += t.Count
		}
	}
	if sum != answer.Hits.Total {
		return nil, fmt.Errorf("%d documents by type, but %d in all", sum, answer.Hits.Total)
	}
	return counts, nil
}

// Counters are what changes in an index with every write. Writes and deletes are counted
// since the node's start; deleting by query is not among them, but changes the documents.
type Counters struct {
	Written int64 `json:"written"`
	Deleted int64 `json:"deleted"`
	Count   int64 `json:"count"` // documents, visible ones
	Gone    int64 `json:"gone"`  // deleted ones that are still kept
	Bytes   int64 `json:"-"`     // on disk; it changes by itself
	Shards  int   `json:"shards"`
}

// Stats returns the counters of every index.
func (c *Client) Stats(ctx context.Context) (map[string]Counters, error) {
	var answer struct {
		Shards  shards `json:"_shards"`
		Indices map[string]struct {
			Primaries struct {
				Docs struct {
					Count   int64 `json:"count"`
					Deleted int64 `json:"deleted"`
				} `json:"docs"`
				Store struct {
					Bytes int64 `json:"size_in_bytes"`
				} `json:"store"`
				Indexing struct {
					Index  int64 `json:"index_total"`
					Delete int64 `json:"delete_total"`
				} `json:"indexing"`
			} `json:"primaries"`
			Shards map[string]any `json:"shards"`
		} `json:"indices"`
	}
	if err := c.requestJSON(ctx, http.MethodGet, "/_stats/indexing,docs,store", url.Values{"level": {"shards"}}, "", &answer); err != nil {
		return nil, c.wrap("ask the counters", err)
	}
	if answer.Shards.Failed > 0 {
		return nil, c.wrap("ask the counters", fmt.Errorf("%w: %d failed", ErrShards, answer.Shards.Failed))
	}
	all := map[string]Counters{}
	for name, i := range answer.Indices {
		p := i.Primaries
		all[name] = Counters{Written: p.Indexing.Index, Deleted: p.Indexing.Delete, Count: p.Docs.Count, Gone: p.Docs.Deleted, Bytes: p.Store.Bytes, Shards: len(i.Shards)}
	}
	c.sizes, c.sizesAt = all, time.Now()
	return all, nil
}
