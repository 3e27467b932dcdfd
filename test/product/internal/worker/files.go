package worker

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"onerpm/test/product/internal/durable"
	"onerpm/test/product/internal/store"
)

// Files are what system workflows leave on the manager's disk before 4.0.
type Files struct {
	Documents *store.Documents
	Resources string // of the file server
	Work      string // the worker's work folder
}

// make carries out a system workflow. plugins is where plugins are installed.
func (f *Files) make(ctx context.Context, job *store.Job, plugins string) error {
	var p struct {
		Snapshot string `json:"snapshot_id"`
		Plugin   struct {
			Name    string `json:"package_name"`
			Version string `json:"package_version"`
		} `json:"plugin"`
	}
	if err := json.Unmarshal(job.Parameters, &p); err != nil {
		return fmt.Errorf("parameters: %w", err)
	}
	switch job.Workflow {
	case "create_deployment_environment":
		return durable.WriteFile(filepath.Join(f.Work, "deployments", job.DeploymentID(), "README"), []byte("work folder of "+job.DeploymentID()+"\n"), 0o644)
	case "install_plugin":
		name := p.Plugin.Name + "-" + p.Plugin.Version
		return durable.WriteFile(filepath.Join(plugins, name, "METADATA"), []byte("Name: "+p.Plugin.Name+"\nVersion: "+p.Plugin.Version+"\n"), 0o644)
	}
	body, err := snapshot(p.Snapshot)
	if err == nil {
		err = durable.WriteFile(filepath.Join(f.Resources, "snapshots", p.Snapshot, p.Snapshot+".zip"), body, 0o644)
	}
	if err != nil {
		return errors.Join(err, f.Documents.FinishSnapshot(ctx, p.Snapshot, "failed", err.Error()))
	}
	return f.Documents.FinishSnapshot(ctx, p.Snapshot, "created", "")
}

// snapshot is a snapshot's file. Only its name counts: nothing restores it.
func snapshot(id string) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("metadata.json")
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(w, "{\"snapshot_version\": \"3.4.2\", \"snapshot_id\": %q}\n", id); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
