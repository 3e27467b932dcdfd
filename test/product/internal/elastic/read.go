package elastic

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// Document is one document, with its source byte for byte.
type Document struct {
	Index   string          `json:"_index"`
	Type    string          `json:"_type"`
	ID      string          `json:"_id"`
	Version int             `json:"_version"`
	Source  json.RawMessage `json:"_source"`
}

// Get returns a document of the storage, also one that searches do not see yet; status 404 if there is none.
func (c Client) Get(ctx context.Context, kind, id string) (Document, error) {
	var d Document
	body, err := c.Call(ctx, http.MethodGet, path(kind, id), nil)
	if err != nil {
		return d, err
	}
	return d, json.Unmarshal(body, &d)
}

// Search returns the documents that a query finds in what where names, such as "cloudify_storage/node", and how many there are.
func (c Client) Search(ctx context.Context, where string, query any) (found []Document, total int, err error) {
	text, err := json.Marshal(query)
	if err != nil {
		return nil, 0, err
	}
	body, err := c.Call(ctx, http.MethodPost, "/"+where+"/_search?version=true", text)
	if err != nil {
		return nil, 0, err
	}
	var answer struct {
		Shards struct{ Failed int } `json:"_shards"`
		Hits   struct {
			Total int
			Hits  []Document
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, 0, fmt.Errorf("search %s: %w", where, err)
	}
	if answer.Shards.Failed > 0 {
		return nil, 0, fmt.Errorf("search %s: %d shards failed: %.500s", where, answer.Shards.Failed, body)
	}
	return answer.Hits.Hits, answer.Hits.Total, nil
}
