package store

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"onerpm/test/product/internal/elastic"
)

// Sender takes the worker's events and logs away, each one JSON object.
type Sender interface {
	Send(ctx context.Context, message []byte) error
}

// Documents is the product's data before release 4.0: documents in Elasticsearch, which knows neither
// transactions nor references. It is safe for concurrent use.
type Documents struct {
	es     elastic.Client
	sender Sender
}

// The types of documents, by the names that the resources have in the API.
var kinds = map[string]string{
	"blueprints": "blueprint", "deployments": "deployment", "executions": "execution", "nodes": "node", "node-instances": "node_instance",
	"plugins": "plugin", "snapshots": "snapshot", "deployment-updates": "deployment_update", "deployment-modifications": "deployment_modification",
}

// patience is how long one look at an Elasticsearch that may be starting can take: it does not answer each.
const patience = 10 * time.Second

// OpenDocuments waits until Elasticsearch answers with all its shards and has the product's index. Only the worker has a sender.
func OpenDocuments(ctx context.Context, address string, sender Sender, wait time.Duration) (*Documents, error) {
	d := &Documents{es: elastic.Client{Address: address}, sender: sender}
	until := time.Now().Add(wait)
	for {
		limited, cancel := context.WithTimeout(ctx, patience)
		err := d.ready(limited)
		cancel()
		if err == nil {
			return d, nil
		}
		if time.Now().After(until) || ctx.Err() != nil {
			return nil, fmt.Errorf("elasticsearch: %w", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (d *Documents) ready(ctx context.Context) error {
	body, err := d.es.Call(ctx, http.MethodGet, "/", nil)
	if err != nil {
		return err
	}
	var hello struct{ Status int }
	if err := json.Unmarshal(body, &hello); err != nil || hello.Status != http.StatusOK {
		return fmt.Errorf("%s is not an Elasticsearch 1.x that serves: %.200s", d.es.Address, body)
	}
	if _, err := d.es.Call(ctx, http.MethodGet, "/"+elastic.Storage, nil); err != nil {
		return err
	}
	// one node can never be green: each shard wants a copy on another one
	body, err = d.es.Call(ctx, http.MethodGet, "/_cluster/health/"+elastic.Storage+"?wait_for_status=yellow&timeout=1s", nil)
	if err != nil {
		return err
	}
	var health struct {
		TimedOut bool `json:"timed_out"`
	}
	if err := json.Unmarshal(body, &health); err != nil || health.TimedOut {
		return fmt.Errorf("%s: not all shards are there: %.200s", elastic.Storage, body)
	}
	return nil
}

// source is a document to be written.
type source map[string]any

func (s source) json() ([]byte, error) { return json.Marshal(s) }

func (d *Documents) create(ctx context.Context, kind, id string, doc source) error {
	body, err := doc.json()
	if err != nil {
		return err
	}
	err = d.es.Create(ctx, kind, id, body)
	if elastic.IsStatus(err, http.StatusConflict) {
		return ErrConflict
	}
	return err
}

func (d *Documents) update(ctx context.Context, kind, id string, fields source) error {
	body, err := fields.json()
	if err != nil {
		return err
	}
	return lacking(d.es.Update(ctx, kind, id, body))
}

// read decodes a document's source into a struct.
func (d *Documents) read(ctx context.Context, kind, id string, into any) error {
	doc, err := d.es.Get(ctx, kind, id)
	if err != nil {
		return lacking(err)
	}
	if err := json.Unmarshal(doc.Source, into); err != nil {
		return fmt.Errorf("%s %s: %w", kind, id, err)
	}
	return nil
}

// lacking turns status 404 into ErrNotFound.
func lacking(err error) error {
	if elastic.IsStatus(err, http.StatusNotFound) {
		return ErrNotFound
	}
	return err
}

// local is the time as Python's str(datetime.now()) has it: the manager's own, and no fraction when that is 0.
func local(t time.Time) string {
	layout := "2006-01-02 15:04:05.000000"
	if t.Nanosecond()/1000 == 0 {
		layout = time.DateTime
	}
	return t.Local().Format(layout)
}
