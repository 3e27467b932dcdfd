// Package elastic writes to and reads from Elasticsearch 1.6 as the demo product's releases before 4.0 do, with
// the faults that they have.
package elastic

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Storage is the index of everything but events and logs.
const Storage = "cloudify_storage"

var (
	//go:embed storage.json
	storageIndex []byte
	//go:embed logstash.json
	logstashTemplate []byte
)

// CreateStorage makes the index, as an installation does.
func (c Client) CreateStorage(ctx context.Context) error {
	_, err := c.Call(ctx, http.MethodPut, "/"+Storage, storageIndex)
	return err
}

// Refresh shows to searches what was written so far.
func (c Client) Refresh(ctx context.Context) error {
	_, err := c.Call(ctx, http.MethodPost, "/"+Storage+"/_refresh", nil)
	return err
}

// PutTemplate says how the daily indices of events and logs are made, as logstash does when it starts.
func (c Client) PutTemplate(ctx context.Context) error {
	_, err := c.Call(ctx, http.MethodPut, "/_template/logstash", logstashTemplate)
	return err
}

func path(kind, id string) string {
	return "/" + Storage + "/" + kind + "/" + strings.ReplaceAll(url.PathEscape(id), ".", "%2E")
}

// Create writes a document of which there is none yet; status 409 if there is. The next search sees it, as after
// every write but UpdateQuietly and DeleteOf.
func (c Client) Create(ctx context.Context, kind, id string, doc []byte) error {
	_, err := c.Call(ctx, http.MethodPut, path(kind, id)+"?op_type=create&refresh=true", doc)
	return err
}

// Update changes some fields; Elasticsearch writes the whole document anew.
func (c Client) Update(ctx context.Context, kind, id string, fields []byte) error {
	_, err := c.Call(ctx, http.MethodPost, path(kind, id)+"/_update?refresh=true", fmt.Appendf(nil, `{"doc": %s}`, fields))
	return err
}

// UpdateIf is an Update of a document that still has that version; status 409 otherwise.
func (c Client) UpdateIf(ctx context.Context, kind, id string, fields []byte, version int) error {
	_, err := c.Call(ctx, http.MethodPost, fmt.Sprintf("%s/_update?refresh=true&version=%d", path(kind, id), version), fmt.Appendf(nil, `{"doc": %s}`, fields))
	return err
}

// UpdateQuietly is an Update that searches see only after up to a second.
func (c Client) UpdateQuietly(ctx context.Context, kind, id string, fields []byte) error {
	_, err := c.Call(ctx, http.MethodPost, path(kind, id)+"/_update", fmt.Appendf(nil, `{"doc": %s}`, fields))
	return err
}

// Replace writes the whole document if it still has that version, and returns its new one; status 409 otherwise.
func (c Client) Replace(ctx context.Context, kind, id string, doc []byte, version int) (int, error) {
	body, err := c.Call(ctx, http.MethodPut, fmt.Sprintf("%s?refresh=true&version=%d", path(kind, id), version), doc)
	if err != nil {
		return 0, err
	}
	var answer struct {
		Version int `json:"_version"`
	}
	return answer.Version, json.Unmarshal(body, &answer)
}

// Delete deletes one document; status 404 if there is none.
func (c Client) Delete(ctx context.Context, kind, id string) error {
	_, err := c.Call(ctx, http.MethodDelete, path(kind, id)+"?refresh=true", nil)
	return err
}

// DeleteOf deletes what belongs to a deployment, or what Elasticsearch takes for that: the field is cut into words at
// blanks, so nothing has the deployment id "x y", and everything of it has "x".
func (c Client) DeleteOf(ctx context.Context, deployment string) error {
	query, err := json.Marshal(map[string]any{"query": map[string]any{"term": map[string]any{"deployment_id": deployment}}})
	if err != nil {
		return err
	}
	for _, kind := range []string{"execution", "node_instance", "node", "deployment_modification", "deployment_update"} {
		if _, err := c.Call(ctx, http.MethodDelete, "/"+Storage+"/"+kind+"/_query", query); err != nil {
			return err
		}
	}
	return nil
}
