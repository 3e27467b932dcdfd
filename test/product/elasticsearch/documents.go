package elasticsearch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"onerpm/test/product/internal/elastic"
)

// Document is one of a node's, with its source byte for byte.
type Document = elastic.Document

// Call asks a node and returns its answer.
func Call(ctx context.Context, address, method, path string, body []byte) ([]byte, error) {
	return elastic.Client{Address: address}.Call(ctx, method, path, body)
}

// page is an answer of a search that is read to its end.
type page struct {
	Scroll string `json:"_scroll_id"`
	Shards struct{ Total, Successful, Failed int }
	Hits   struct {
		Total int
		Hits  []Document
	}
}

const (
	scan        = "/_search?search_type=scan&scroll=2m&version=true&size=10"
	shardsLimit = 30 * time.Second
)

// Each calls visit with every document of the node that a search sees after a refresh, in no order.
func Each(ctx context.Context, address string, visit func(Document) error) error {
	if _, err := Call(ctx, address, http.MethodPost, "/_refresh", nil); err != nil {
		return err
	}
	ask := func(path string, body []byte) (p page, err error) {
		answer, err := Call(ctx, address, http.MethodPost, path, body)
		if err != nil {
			return p, err
		}
		return p, json.Unmarshal(bytes.Replace(answer, []byte(`"_shards"`), []byte(`"shards"`), 1), &p)
	}
	first, err := ask(scan, []byte(`{}`))
	for until := time.Now().Add(shardsLimit); err == nil && first.Shards.Successful != first.Shards.Total; first, err = ask(scan, []byte(`{}`)) {
		if time.Now().After(until) {
			return fmt.Errorf("%d of %d shards answered", first.Shards.Successful, first.Shards.Total)
		}
		time.Sleep(20 * time.Millisecond) // an index was just made
	}
	if err != nil {
		return err
	}
	seen := 0
	for at := first; ; {
		if at, err = ask("/_search/scroll?scroll=2m", []byte(at.Scroll)); err != nil {
			return err
		}
		if at.Shards.Failed > 0 { // of an index that was deleted meanwhile only one page says it
			return fmt.Errorf("%d shards failed while they were read", at.Shards.Failed)
		}
		if len(at.Hits.Hits) == 0 {
			break
		}
		for _, d := range at.Hits.Hits {
			if err := visit(d); err != nil {
				return err
			}
		}
		seen += len(at.Hits.Hits)
	}
	if seen != first.Hits.Total {
		return fmt.Errorf("%d documents of %d", seen, first.Hits.Total)
	}
	return nil
}

// Digest is equal for two nodes if their documents are, by index, type, id, version and source.
func Digest(ctx context.Context, address string) (sum string, documents int, err error) {
	var lines []string
	err = Each(ctx, address, func(d Document) error {
		h := sha256.New()
		fmt.Fprintf(h, "%q %q %q %d ", d.Index, d.Type, d.ID, d.Version)
		h.Write(d.Source)
		lines = append(lines, string(h.Sum(nil)))
		return nil
	})
	slices.Sort(lines)
	h := sha256.New()
	for _, l := range lines {
		h.Write([]byte(l))
	}
	return hex.EncodeToString(h.Sum(nil)), len(lines), err
}
