package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"onerpm/test/host"
)

const (
	elasticsearch = "http://127.0.0.1:9200"
	inOneGo       = 5000                // documents of a request
	span          = 30 * 24 * time.Hour // that events and logs are kept
	perMillion    = 12800               // entities of a machine with a million events and logs
)

// filler writes documents past the product, in the shape in which it writes them.
type filler struct {
	http     *http.Client
	instance string // a node instance
}

func newFiller(m *host.Machine) *filler {
	return &filler{http: &http.Client{Transport: &http.Transport{DialContext: m.Dial}}}
}

// fill makes copies of the machine's deployments with all that belongs to them, and events and logs of their
// executions, which are evenly spread over the days. It returns how many entities there are.
func (f *filler) fill(ctx context.Context, entries int) (entities int, err error) {
	entities, executions, err := f.entities(ctx, entries*perMillion/1_000_000)
	if err != nil {
		return 0, err
	}
	var bulk bytes.Buffer
	from := time.Now().UTC().Add(-span)
	at := func(i int) time.Time {
		return from.Add(time.Duration(float64(span) * float64(i) / float64(entries)))
	}
	for i := range entries {
		writeEntry(&bulk, i, at(i), executions[i/2%len(executions)])
		// Elasticsearch refuses what goes to the shards of many days.
		if (i+1)%inOneGo == 0 || i == entries-1 || at(i).Day() != at(i+1).Day() {
			if err := f.bulk(ctx, &bulk); err != nil {
				return 0, err
			}
		}
	}
	if _, err := f.call(ctx, "/_flush", nil); err != nil {
		return 0, err
	}
	return entities, f.settle(ctx)
}

// writeEntry writes an event if i is even, or a log, as logstash does whose filter does not understand the time.
func writeEntry(to *bytes.Buffer, i int, at time.Time, e execution) {
	kind, own, tag := "cloudify_event", `"event_type":"`+[]string{"sending_task", "task_started", "task_succeeded"}[i/2%3]+`"`, "event"
	if i%2 == 1 {
		kind, own, tag = "cloudify_log", `"logger":"ctx.lifecycle","level":"`+[]string{"info", "debug", "warning", "error"}[i/2%4]+`"`, "log"
	}
	fmt.Fprintf(to, `{"index":{"_index":"logstash-%s","_type":"%s"}}`+"\n", at.Format("2006.01.02"), kind)
	fmt.Fprintf(to, `{"type":"%s",%s,"message_code":null,"timestamp":"%s+0000","context":{"execution_id":"%s","workflow_id":"%s","deployment_id":"%s","blueprint_id":"%s",`+
		`"node_id":"host_1a2b3","node_name":"host","operation":"cloudify.interfaces.lifecycle.start"},"message":{"text":"Task succeeded, attempt %d","arguments":null},`+
		`"tags":["%s","_dateparsefailure"],"@version":"1","@timestamp":"%s"}`+"\n",
		kind, own, at.Format("2006-01-02 15:04:05.000"), e.ID, e.Workflow, e.Deployment, e.Blueprint, i, tag, at.Format("2006-01-02T15:04:05.000Z"))
}

type execution struct {
	ID         string `json:"id"`
	Workflow   string `json:"workflow_id"`
	Deployment string `json:"deployment_id"`
	Blueprint  string `json:"blueprint_id"`
}

type document struct {
	Type   string          `json:"_type"`
	Source json.RawMessage `json:"_source"`
}

// ids are what tells documents apart.
type ids struct {
	ID         string `json:"id"`
	Deployment string `json:"deployment_id"`
}

// sample is what the machine has of its sample data.
type sample struct {
	entities   int
	documents  []document // of the deployments and all that belongs to them
	names      []string   // their ids, but for those of nodes, which tell these apart within a deployment only
	executions []execution
}

// sample reads it, and chooses a node instance to ask for.
func (f *filler) sample(ctx context.Context) (s sample, err error) {
	answer, err := f.call(ctx, "/cloudify_storage/_search", []byte(`{"size":10000,"query":{"match_all":{}}}`))
	if err != nil {
		return s, err
	}
	var found struct{ Hits struct{ Hits []document } }
	if err := json.Unmarshal(answer, &found); err != nil {
		return s, err
	}
	s.entities = len(found.Hits.Hits)
	for _, d := range found.Hits.Hits {
		var of ids
		if err := json.Unmarshal(d.Source, &of); err != nil {
			return s, err
		}
		if d.Type == "deployment" {
			of.Deployment = of.ID
		}
		if !strings.HasPrefix(of.Deployment, "deployment-") {
			continue
		}
		s.documents = append(s.documents, d)
		if d.Type != "node" {
			s.names = append(s.names, of.ID)
		}
		switch d.Type {
		case "node_instance":
			f.instance = of.ID
		case "execution":
			var e execution
			if err := json.Unmarshal(d.Source, &e); err != nil {
				return s, err
			}
			s.executions = append(s.executions, e)
		}
	}
	if len(s.executions) == 0 || f.instance == "" {
		return s, errors.New("the sample data has no deployment with executions and instances")
	}
	return s, nil
}

// entities copies the sample's deployments until there are so many entities. It returns how many there are, and the
// executions of all deployments.
func (f *filler) entities(ctx context.Context, want int) (int, []execution, error) {
	s, err := f.sample(ctx)
	if err != nil {
		return 0, nil, err
	}
	n, executions := s.entities, slices.Clone(s.executions)
	var bulk bytes.Buffer
	for copied := 1; n < want; copied++ {
		var pairs []string
		for _, name := range s.names {
			pairs = append(pairs, `"`+name+`"`, fmt.Sprintf(`"%s-%d"`, name, copied))
		}
		rename := strings.NewReplacer(pairs...)
		for _, d := range s.documents {
			source := rename.Replace(string(d.Source))
			var of ids
			if err := json.Unmarshal([]byte(source), &of); err != nil {
				return 0, nil, err
			}
			id := of.ID
			if d.Type == "node" {
				id = of.Deployment + "_" + of.ID
			}
			fmt.Fprintf(&bulk, `{"index":{"_index":"cloudify_storage","_type":"%s","_id":"%s"}}`+"\n%s\n", d.Type, id, source)
			n++
		}
		for _, e := range s.executions {
			e.ID, e.Deployment = fmt.Sprintf("%s-%d", e.ID, copied), fmt.Sprintf("%s-%d", e.Deployment, copied)
			executions = append(executions, e)
		}
		if err := f.bulk(ctx, &bulk); err != nil {
			return 0, nil, err
		}
	}
	return n, executions, nil
}

// bulk writes documents and empties the buffer.
func (f *filler) bulk(ctx context.Context, lines *bytes.Buffer) error {
	answer, err := f.call(ctx, "/_bulk", lines.Bytes())
	lines.Reset()
	if err != nil {
		return err
	}
	var said struct{ Errors bool }
	if err := json.Unmarshal(answer, &said); err != nil {
		return err
	}
	if said.Errors {
		_, from, _ := bytes.Cut(answer, []byte(`"error":`))
		return fmt.Errorf("documents were refused: %.500s", from)
	}
	return nil
}

// settle waits until Elasticsearch has nothing to do any more.
func (f *filler) settle(ctx context.Context) error {
	for {
		answer, err := f.call(ctx, "/_stats/merge", nil)
		if err != nil {
			return err
		}
		var said struct {
			All struct {
				Total struct{ Merges struct{ Current int } }
			} `json:"_all"`
		}
		if err := json.Unmarshal(answer, &said); err != nil || said.All.Total.Merges.Current == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func (f *filler) call(ctx context.Context, path string, body []byte) ([]byte, error) {
	method := http.MethodPost
	if strings.HasPrefix(path, "/_stats") {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(ctx, method, elasticsearch+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := f.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %.300s", path, resp.Status, answer)
	}
	return answer, err
}
