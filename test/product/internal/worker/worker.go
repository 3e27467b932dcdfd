// Package worker is the demo product's management worker: it takes pending
// executions out of the product's data and runs their workflows, a few at a time. An execution that
// was under way when the worker ended runs again when it starts, and one that the worker lost with its database,
// or never heard of, when that is back.
package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"onerpm/test/product/internal/store"
)

const (
	parallel = 4
	poll     = 300 * time.Millisecond

	afterError = time.Second     // before the database is asked again about an execution
	afterLoss  = 2 * time.Second // and before it is asked again for work
)

var errCancelled = errors.New("cancelled")

// Data is where the executions are and what they write.
type Data interface {
	Requeue(ctx context.Context, running []string) (int64, error)
	Take(ctx context.Context) (*store.Job, error)
	Again(ctx context.Context, j *store.Job) error
	Finish(ctx context.Context, j *store.Job, status, message string) error
	Cancelled(ctx context.Context, j *store.Job) (bool, error)
	FinishOrphans(ctx context.Context, running []string) error
	Event(ctx context.Context, j *store.Job, kind, node, message string) error
	Log(ctx context.Context, j *store.Job, level, node, message string) error
	Instances(ctx context.Context, j *store.Job) ([]store.NodeInstance, error)
	SetRuntime(ctx context.Context, n store.NodeInstance) error
}

// Worker runs executions.
type Worker struct {
	DB        Data
	AgentsURL string // folder of the agent packages on the file server
	Plugins   string // where plugins are installed, from 4.0 on in a folder of each tenant
	Files     *Files // of the releases before 4.0; nil at later ones

	mu      sync.Mutex
	running []string // ids
}

// Run works until the context ends, and then waits for nothing: what is under way runs again later.
func (w *Worker) Run(ctx context.Context) error {
	n, err := w.DB.Requeue(ctx, w.known())
	if err != nil {
		return err
	}
	log.Printf("ready, %d executions to resume", n)
	slots := make(chan struct{}, parallel)
	var jobs sync.WaitGroup
	defer jobs.Wait()
	for ctx.Err() == nil {
		for err := w.turn(ctx, slots, &jobs); err != nil && ctx.Err() == nil; {
			log.Printf("database: %v", err)
			sleep(ctx, afterLoss)
			_, err = w.DB.Requeue(ctx, w.known()) // one may have been taken, and the answer lost
		}
		sleep(ctx, poll)
	}
	return nil
}

func (w *Worker) turn(ctx context.Context, slots chan struct{}, jobs *sync.WaitGroup) error {
	for {
		select {
		case slots <- struct{}{}:
		default:
			return nil
		}
		job, err := w.DB.Take(ctx)
		if err != nil || job == nil {
			<-slots
			return errors.Join(err, w.DB.FinishOrphans(ctx, w.known()))
		}
		w.remember(job.ID)
		jobs.Go(func() {
			defer func() { w.forget(job.ID); <-slots }()
			for err := w.execute(ctx, job); err != nil && ctx.Err() == nil; err = w.DB.Again(ctx, job) {
				log.Printf("execution %s will run again: %v", job.ID, err)
				sleep(ctx, afterError)
			}
		})
	}
}

// execute runs one execution and records how it ended. The error is the database's.
func (w *Worker) execute(ctx context.Context, job *store.Job) error {
	if err := w.DB.Event(ctx, job, "workflow_started", "", fmt.Sprintf("Starting '%s' workflow execution", job.Workflow)); err != nil {
		return err
	}
	var err error
	switch job.Workflow {
	case "install_new_agents":
		err = w.installAgents(ctx, job)
	case "create_deployment_environment", "install_plugin", "create_snapshot":
		if w.Files != nil {
			err = w.Files.make(ctx, job, w.Plugins)
			break
		}
		fallthrough
	default:
		err = w.steps(ctx, job)
	}
	if ctx.Err() != nil {
		return nil // stays started, and runs again
	}
	switch {
	case errors.Is(err, errCancelled):
		return errors.Join(w.DB.Event(ctx, job, "workflow_cancelled", "", fmt.Sprintf("'%s' workflow execution cancelled", job.Workflow)),
			w.DB.Finish(ctx, job, "cancelled", ""))
	case err != nil:
		return errors.Join(w.DB.Event(ctx, job, "workflow_failed", "", fmt.Sprintf("'%s' workflow execution failed: %v", job.Workflow, err)),
			w.DB.Finish(ctx, job, "failed", err.Error()))
	}
	return errors.Join(w.DB.Event(ctx, job, "workflow_succeeded", "", fmt.Sprintf("'%s' workflow execution succeeded", job.Workflow)),
		w.DB.Finish(ctx, job, "terminated", ""))
}

// steps is every workflow that only takes time: parameter "seconds" says how much, "fail" how it ends. With a "plugin",
// such as some-plugin-1.0, it fails unless that is installed.
func (w *Worker) steps(ctx context.Context, job *store.Job) error {
	var p struct {
		Seconds float64 `json:"seconds"`
		Fail    bool    `json:"fail"`
		Plugin  string  `json:"plugin"`
	}
	if err := json.Unmarshal(job.Parameters, &p); err != nil {
		return fmt.Errorf("parameters: %w", err)
	}
	if p.Plugin != "" {
		if _, err := os.Stat(filepath.Join(w.Plugins, job.Tenant, p.Plugin, "METADATA")); err != nil {
			return fmt.Errorf("plugin %s is not installed: %w", p.Plugin, err)
		}
	}
	until := time.Now().Add(time.Duration(p.Seconds * float64(time.Second)))
	if err := w.DB.Log(ctx, job, "info", "", fmt.Sprintf("working for %v seconds", p.Seconds)); err != nil {
		return err
	}
	for time.Now().Before(until) && ctx.Err() == nil {
		if c, err := w.DB.Cancelled(ctx, job); err != nil || c {
			return errors.Join(err, errCancelled)
		}
		sleep(ctx, min(poll, time.Until(until)))
	}
	if p.Fail {
		return errors.New("failed because its parameters say so")
	}
	return nil
}

func (w *Worker) remember(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = append(w.running, id)
}

func (w *Worker) forget(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := slices.Index(w.running, id); i >= 0 { // it may be there twice: lost, and taken again
		w.running = slices.Delete(w.running, i, i+1)
	}
}

func (w *Worker) known() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string{}, w.running...)
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
