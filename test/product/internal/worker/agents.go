package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"onerpm/test/product/internal/agent"
	"onerpm/test/product/internal/store"
)

// installParameters are those of the workflow install_new_agents.
type installParameters struct {
	Timeout       int      `json:"install_agent_timeout"` // seconds
	NodeInstances []string `json:"node_instance_ids"`
	Validate      *bool    `json:"validate"`
	Install       *bool    `json:"install"`
}

// installAgents has every agent of the deployment replaced: the old one is asked, at its own address or through the broker
// that it has, to fetch the package and to start a new one under a new name. Nothing is
// installed before all of them have answered.
func (w *Worker) installAgents(ctx context.Context, job *store.Job) error {
	p := installParameters{Timeout: 300}
	if err := json.Unmarshal(job.Parameters, &p); err != nil {
		return fmt.Errorf("parameters: %w", err)
	}
	instances, err := w.DB.Instances(ctx, job)
	if err != nil {
		return err
	}
	for _, n := range instances {
		if n.State != "started" {
			return fmt.Errorf("node instance %s is %s, not started", n.ID, n.State)
		}
	}
	instances = slices.DeleteFunc(instances, func(n store.NodeInstance) bool {
		_, has := n.Runtime["cloudify_agent"]
		return !has || len(p.NodeInstances) > 0 && !slices.Contains(p.NodeInstances, n.ID)
	})
	timeout := time.Duration(p.Timeout) * time.Second
	if p.Validate == nil || *p.Validate {
		if err := w.each(ctx, job, instances, timeout, w.validateAgent); err != nil {
			return err
		}
	}
	if p.Install == nil || *p.Install {
		return w.each(ctx, job, instances, timeout, w.installAgent)
	}
	return nil
}

type agentStep func(context.Context, *store.Job, store.NodeInstance, agent.Record) error

func (w *Worker) each(ctx context.Context, job *store.Job, all []store.NodeInstance, timeout time.Duration, step agentStep) error {
	var failed error
	for _, n := range all {
		if c, err := w.DB.Cancelled(ctx, job); err != nil || c {
			return errors.Join(err, errCancelled)
		}
		record, err := agent.FromRuntime(n.Runtime)
		if err == nil {
			limited, cancel := context.WithTimeout(ctx, timeout)
			err = step(limited, job, n, record)
			cancel()
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("agent of %s: %w", n.ID, err),
				w.DB.Event(ctx, job, "task_failed", n.ID, fmt.Sprintf("Task failed -> %v", err)))
		}
	}
	return failed
}

func (w *Worker) validateAgent(ctx context.Context, job *store.Job, n store.NodeInstance, r agent.Record) error {
	info, err := agent.Ask(ctx, r)
	if err != nil {
		return err
	}
	return w.DB.Log(ctx, job, "info", n.ID, fmt.Sprintf("agent %s answers, version %s", info.Name, info.Version))
}

func (w *Worker) installAgent(ctx context.Context, job *store.Job, n store.NodeInstance, r agent.Record) error {
	next, err := agent.Install(ctx, r, w.AgentsURL+"/"+r.Package+"-agent.tar.gz")
	if err != nil {
		return err
	}
	if _, err := agent.Ask(ctx, next); err != nil {
		return fmt.Errorf("the new agent: %w", err)
	}
	next.Into(n.Runtime)
	if err := w.DB.SetRuntime(ctx, n); err != nil {
		return err
	}
	return w.DB.Event(ctx, job, "task_succeeded", n.ID, fmt.Sprintf("Task succeeded -> agent %s, version %s", next.Name, next.Version))
}
