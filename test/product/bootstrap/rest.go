package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// ask sends a request to the REST service of 3.4.2, past nginx, and decodes the answer. A body that is no []byte is sent as JSON.
func ask(ctx context.Context, method, path string, body, into any) error {
	text, ready := body.([]byte)
	if !ready && body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://127.0.0.1:8100/api/v2.1/"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %s: %.500s", method, path, resp.Status, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

type object = map[string]any

func setProviderContext(ctx context.Context) error {
	return ask(ctx, http.MethodPost, "provider/context", object{"name": "provider", "context": object{"cloudify": object{
		"cloudify_agent":   object{"min_workers": 2, "max_workers": 5, "remote_execution_port": 22, "user": "centos", "agent_key_path": "~/.ssh/agent_key.pem"},
		"workflows":        object{"task_retries": -1, "task_retry_interval": 15},
		"policy_engine":    object{"start_timeout": 30},
		"resources_prefix": "",
	}}}, nil)
}

// execution is one of the REST service's answers.
type execution struct {
	ID         string `json:"id"`
	Deployment string `json:"deployment_id"`
	Blueprint  string `json:"blueprint_id"`
	Workflow   string `json:"workflow_id"`
	Status     string `json:"status"`
}

func executions(ctx context.Context) ([]execution, error) {
	var answer struct{ Items []execution }
	// the default leaves those of the system out
	return answer.Items, ask(ctx, http.MethodGet, "executions?_size=10000&_include_system_workflows=true", nil, &answer)
}

// awaitExecutions waits until none is under way, and returns all.
func awaitExecutions(ctx context.Context) ([]execution, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	for {
		all, err := executions(ctx)
		if err != nil {
			return nil, err
		}
		busy := ""
		for _, e := range all {
			if e.Status != "terminated" && e.Status != "failed" && e.Status != "cancelled" {
				busy = e.ID
			}
		}
		if busy == "" {
			return all, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("execution %s does not end: %w", busy, ctx.Err())
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// start starts an execution of a deployment.
func start(ctx context.Context, deployment, workflow string, parameters object) (execution, error) {
	var e execution
	return e, ask(ctx, http.MethodPost, "executions", object{"deployment_id": deployment, "workflow_id": workflow, "parameters": parameters}, &e)
}

func escaped(id string) string { return url.PathEscape(id) }
