package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"onerpm/test/product/internal/elastic"
	"onerpm/test/product/internal/logstash"
	"onerpm/test/product/internal/sample"
	"onerpm/test/product/internal/settings"
)

// fillThroughREST makes what a host of 3.4.2 in use has, as its users and its worker make it, and returns the runtime
// properties of all node instances. Only the events and logs of the past are written past logstash.
func fillThroughREST(ctx context.Context, rest settings.Rest, a amount) ([][]byte, error) {
	if err := uploads(ctx, a.hosts); err != nil {
		return nil, err
	}
	ids, err := deployAll(ctx, a.deployments)
	if err != nil {
		return nil, err
	}
	runtimes, err := startInstances(ctx)
	if err != nil {
		return nil, err
	}
	if err := work(ctx, ids); err != nil {
		return nil, err
	}
	all, err := awaitExecutions(ctx)
	if err != nil {
		return nil, err
	}
	if err := policyMessages(ctx, ids[0]); err != nil {
		return nil, err
	}
	return runtimes, history(ctx, elastic.Client{Address: rest.Elasticsearch()}, all, a.bulk)
}

// uploads uploads blueprints, one of them with an id of two words, and plugins.
func uploads(ctx context.Context, hosts int) error {
	for _, id := range []string{"blueprint-0", "blueprint-1", "blueprint-2", "two words", "unused"} {
		archive, err := sample.BlueprintWith(id, hosts)
		if err != nil {
			return err
		}
		if err := ask(ctx, http.MethodPut, "blueprints/"+escaped(id)+"?application_file_name=blueprint.yaml&description=Blueprint", archive, nil); err != nil {
			return err
		}
	}
	for _, version := range []string{"1.0", "1.1"} {
		wagon, err := sample.Plugin("cloudify-demo-plugin", version)
		if err != nil {
			return err
		}
		if err := ask(ctx, http.MethodPost, "plugins", wagon, nil); err != nil {
			return err
		}
	}
	return nil
}

// deployAll makes deployments and returns their ids. The last one's has a blank; a "gone one" was deleted, which left its nodes,
// instances and executions behind.
func deployAll(ctx context.Context, n int) ([]string, error) {
	var ids []string
	for i := range n {
		ids = append(ids, fmt.Sprintf("deployment-%d", i))
	}
	ids = append(ids, "my app", "gone one")
	for i, id := range ids {
		blueprint := fmt.Sprintf("blueprint-%d", i%3)
		if id == "my app" {
			blueprint = "two words"
		}
		if err := ask(ctx, http.MethodPut, "deployments/"+escaped(id), object{"blueprint_id": blueprint, "inputs": object{"size": i}}, nil); err != nil {
			return nil, err
		}
	}
	if _, err := awaitExecutions(ctx); err != nil {
		return nil, err
	}
	gone := len(ids) - 1
	return ids[:gone], ask(ctx, http.MethodDelete, "deployments/"+escaped(ids[gone]), nil, nil)
}

// startInstances is what an installation comes to: every instance is up, and each host has an agent, which listens to the broker
// on a queue of its name, and does not say its version.
func startInstances(ctx context.Context) (runtimes [][]byte, err error) {
	var answer struct {
		Items []struct {
			ID         string `json:"id"`
			Node       string `json:"node_id"`
			Deployment string `json:"deployment_id"`
			Version    int    `json:"version"`
		}
	}
	if err := ask(ctx, http.MethodGet, "node-instances?_size=10000&_sort=id", nil, &answer); err != nil {
		return nil, err
	}
	for i, n := range answer.Items {
		runtime := object{}
		if n.Node == "host" {
			agent := object{"name": "agent-" + n.ID, "queue": "agent-" + n.ID, "package": "centos-core"}
			runtime = object{"ip": fmt.Sprintf("10.0.0.%d", i%250), "cloudify_agent": agent}
		}
		for version, state := range []string{"created", "configured", "started"} {
			change := object{"version": n.Version + version, "state": state, "runtime_properties": runtime}
			if err := ask(ctx, http.MethodPatch, "node-instances/"+escaped(n.ID), change, nil); err != nil {
				return nil, err
			}
		}
		body, err := json.Marshal(runtime)
		if err != nil {
			return nil, err
		}
		runtimes = append(runtimes, body)
	}
	return runtimes, nil
}

// work has executions that end in every way, updates, modifications and snapshots.
func work(ctx context.Context, ids []string) error {
	for i, id := range ids {
		if _, err := start(ctx, id, "install", object{}); err != nil {
			return err
		}
		if i%4 != 1 {
			continue
		}
		var m struct{ ID string }
		if err := ask(ctx, http.MethodPost, "deployment-modifications", object{"deployment_id": id, "context": object{"by": "load"}, "nodes": object{"app": object{"instances": 1}}}, &m); err != nil {
			return err
		}
		if err := ask(ctx, http.MethodPost, "deployment-modifications/"+m.ID+"/"+[]string{"finish", "rollback"}[i/4%2], nil, nil); err != nil {
			return err
		}
	}
	if _, err := awaitExecutions(ctx); err != nil {
		return err
	}
	long, err := start(ctx, ids[len(ids)-1], "sleep", object{"seconds": 3600})
	if err != nil {
		return err
	}
	if _, err := start(ctx, ids[0], "sleep", object{"fail": true}); err != nil {
		return err
	}
	if err := ask(ctx, http.MethodPost, "executions/"+long.ID, object{"action": "cancel"}, nil); err != nil {
		return err
	}
	for _, id := range []string{"snapshot-0", "snapshot of today"} {
		if err := ask(ctx, http.MethodPut, "snapshots/"+escaped(id), object{}, nil); err != nil {
			return err
		}
	}
	if _, err := awaitExecutions(ctx); err != nil {
		return err
	}
	for i, id := range ids {
		if i%2 == 1 {
			if err := update(ctx, id); err != nil {
				return err
			}
		}
	}
	return nil
}

func update(ctx context.Context, deployment string) error {
	var u struct{ ID string }
	err := ask(ctx, http.MethodPost, "deployment-updates/"+escaped(deployment)+"/update/initiate", object{"steps": []object{
		{"action": "add", "entity_type": "output", "entity_id": "outputs:endpoint"}, {"action": "modify", "entity_type": "property", "entity_id": "nodes:app:properties:port"},
		{"action": "remove", "entity_type": "node", "entity_id": "nodes:cache"}}}, &u)
	if err != nil {
		return err
	}
	return ask(ctx, http.MethodPost, "deployment-updates/"+escaped(u.ID)+"/update/finalize", object{}, nil)
}

// policyMessages are what the policy engine sends: without an execution, in UTC and without saying so.
func policyMessages(ctx context.Context, deployment string) error {
	sender := logstash.Dial(logstash.Input)
	defer sender.Close()
	for _, kind := range []string{"policy", "processing_trigger"} {
		message, err := json.Marshal(object{"type": "cloudify_event", "event_type": kind, "message_code": nil, "message": object{"text": "threshold of app", "args": nil},
			"context": object{"deployment_id": deployment, "policy": "threshold", "trigger": "heal"}, "timestamp": time.Now().UTC().Format("2006-01-02 15:04:05.000")})
		if err != nil {
			return err
		}
		if err := sender.Send(ctx, message); err != nil {
			return err
		}
	}
	return nil
}

// manyDays is how long events and logs are kept, and fewDays how long a host of few has run.
const (
	manyDays, fewDays = 30, 3
	inOneGo           = 1000
)

// history writes as many events and as many logs of the executions, spread evenly over the last days.
func history(ctx context.Context, es elastic.Client, ran []execution, bulk int) error {
	ran = slices.DeleteFunc(ran, func(e execution) bool { return e.Deployment == "" })
	if len(ran) == 0 {
		return errors.New("no execution of a deployment")
	}
	days := fewDays
	if bulk > sample.Small {
		days = manyDays
	}
	now, span := time.Now(), time.Duration(days)*24*time.Hour
	total := 2 * bulk
	var entries []elastic.Entry
	for i := range total {
		at := now.Add(-span + time.Duration(float64(span)*float64(i)/float64(total)))
		message, err := json.Marshal(past(ran[i/2%len(ran)], i, at))
		if err != nil {
			return err
		}
		entry, err := logstash.Document(message, at)
		if err != nil {
			return err
		}
		if entries = append(entries, entry); len(entries) == inOneGo || i == total-1 {
			if err := es.Bulk(ctx, entries); err != nil {
				return err
			}
			entries = entries[:0]
		}
	}
	_, err := es.Call(ctx, http.MethodPost, "/_flush", nil)
	return err
}

// past is message i of all: an event if it is even, or a log.
func past(e execution, i int, at time.Time) object {
	m := object{"message_code": nil, "timestamp": at.Local().Format("2006-01-02 15:04:05.000") + "+0000", "context": object{"execution_id": e.ID, "workflow_id": e.Workflow,
		"deployment_id": e.Deployment, "blueprint_id": e.Blueprint, "node_id": "host_1a2b3", "node_name": "host", "operation": "cloudify.interfaces.lifecycle.start"}}
	if i%2 == 0 {
		m["type"], m["event_type"] = "cloudify_event", []string{"sending_task", "task_started", "task_succeeded"}[i/2%3]
		m["message"] = object{"text": fmt.Sprintf("Task succeeded %d", i/2), "arguments": nil}
		return m
	}
	m["type"], m["logger"], m["level"] = "cloudify_log", "ctx.lifecycle", []string{"info", "debug", "warning", "error"}[i/2%4]
	m["message"] = object{"text": fmt.Sprintf("line %d", i/2), "arguments": nil}
	return m
}
