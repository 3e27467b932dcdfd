package documents

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"onerpm/test/product/elasticsearch"
)

// storage is the index of everything but events and logs.
const storage = "cloudify_storage"

// writer writes as the product does. Every write but a deletion by query and logstash's is seen by the next search.
type writer struct{ address string }

func (w writer) call(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	return elasticsearch.Call(ctx, w.address, method, path, body)
}

func document(kind, id string) string {
	return "/" + storage + "/" + kind + "/" + strings.ReplaceAll(url.PathEscape(id), ".", "%2E")
}

// isStatus tells an answer with that status from other errors.
func isStatus(err error, status int) bool {
	var e *elasticsearch.StatusError
	return errors.As(err, &e) && e.Status == status
}

func (w writer) create(ctx context.Context, kind, id string, doc object) error {
	_, err := w.call(ctx, http.MethodPut, document(kind, id)+"?op_type=create&refresh=true", python.encode(doc))
	return err
}

// update changes some fields; Elasticsearch writes the whole document anew.
func (w writer) update(ctx context.Context, kind, id string, fields object) error {
	_, err := w.call(ctx, http.MethodPost, document(kind, id)+"/_update?refresh=true", python.encode(object{{"doc", fields}}))
	return err
}

// replace writes the whole document if it still has that version, and returns its new one.
func (w writer) replace(ctx context.Context, kind, id string, doc object, version int) (int, error) {
	body, err := w.call(ctx, http.MethodPut, fmt.Sprintf("%s?refresh=true&version=%d", document(kind, id), version), python.encode(doc))
	if err != nil {
		return 0, err
	}
	var answer struct {
		Version int `json:"_version"`
	}
	return answer.Version, json.Unmarshal(body, &answer)
}

func (w writer) remove(ctx context.Context, kind, id string) error {
	_, err := w.call(ctx, http.MethodDelete, document(kind, id)+"?refresh=true", nil)
	return err
}

// removeOf deletes what belongs to a deployment, or what Elasticsearch takes for that: the field is cut into words at
// blanks, so nothing has the deployment id "x y", and everything of it has "x".
func (w writer) removeOf(ctx context.Context, deployment string) error {
	query := python.encode(object{{"query", object{{"term", object{{"deployment_id", deployment}}}}}})
	for _, kind := range []string{"execution", "node_instance", "node", "deployment_modification", "deployment_update"} {
		if _, err := w.call(ctx, http.MethodDelete, "/"+storage+"/"+kind+"/_query", query); err != nil {
			return err
		}
	}
	return nil
}

// entry is one event or log.
type entry struct {
	index, kind, id string
	doc             object
}

// bulk writes events and logs. An entry of which Elasticsearch says no is an error.
func (w writer) bulk(ctx context.Context, entries []entry) error {
	var b bytes.Buffer
	for _, e := range entries {
		b.Write(ruby.encode(object{{"index", object{{"_index", e.index}, {"_type", e.kind}, {"_id", e.id}}}}))
		b.WriteByte('\n')
		b.Write(ruby.encode(e.doc))
		b.WriteByte('\n')
	}
	body, err := w.call(ctx, http.MethodPost, "/_bulk", b.Bytes())
	if err != nil {
		return err
	}
	var answer struct{ Errors bool }
	if err := json.Unmarshal(body, &answer); err != nil {
		return err
	}
	if answer.Errors {
		return fmt.Errorf("bulk: %.2000s", body)
	}
	return nil
}
