package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// print shows rows as a table of those columns that any row has, or as JSON.
func (c *client) print(o options, rows []row, columns ...string) error {
	if o.json {
		b, err := json.MarshalIndent(rows, "", "  ")
		if err == nil {
			_, err = fmt.Fprintf(c.out, "%s\n", b)
		}
		return err
	}
	var shown []string
	for _, name := range columns {
		for _, r := range rows {
			if _, ok := r[name]; ok {
				shown = append(shown, name)
				break
			}
		}
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.ToUpper(strings.Join(shown, "\t")))
	for _, r := range rows {
		for _, name := range shown {
			v := r[name]
			if v == nil {
				v = ""
			}
			fmt.Fprintf(w, "%v\t", v)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

func list(resource string, columns ...string) commandFunc {
	return func(ctx context.Context, c *client, o options) error {
		q, columns := url.Values{}, slices.Clone(columns)
		if o.allTenants {
			q.Set("_all_tenants", "true")
			columns = append(columns, "tenant_name")
		}
		if o.deployment != "" {
			q.Set("deployment_id", o.deployment)
		}
		if o.execution != "" {
			q.Set("execution_id", o.execution)
		}
		rows, err := c.items(ctx, resource+"?"+q.Encode())
		if err != nil {
			return err
		}
		return c.print(o, rows, columns...)
	}
}

// status shows each unit; one that does not run is an error.
func status(ctx context.Context, c *client, o options) error {
	var answer struct {
		Services []struct {
			Name      string `json:"display_name"`
			Instances []struct {
				ID    string `json:"Id"`
				State string `json:"state"`
			} `json:"instances"`
		} `json:"services"`
	}
	if err := c.call(ctx, http.MethodGet, "status", nil, &answer); err != nil {
		return err
	}
	var rows []row
	var down []string
	for _, s := range answer.Services {
		for _, i := range s.Instances {
			rows = append(rows, row{"service": s.Name, "unit": i.ID, "state": i.State})
			// Debian's postgresql is a unit that has done its work
			if i.State != "running" && i.ID != "postgresql.service" {
				down = append(down, i.ID)
			}
		}
	}
	if err := c.print(o, rows, "service", "unit", "state"); err != nil {
		return err
	}
	if len(down) > 0 {
		return fmt.Errorf("not running: %s", strings.Join(down, ", "))
	}
	return nil
}

func upload(ctx context.Context, c *client, o options) error {
	if len(o.args) != 1 || o.blueprint == "" {
		return errors.New("usage: cfy blueprints upload FILE -b ID")
	}
	body, err := os.ReadFile(o.args[0])
	if err != nil {
		return err
	}
	var answer row
	if err := c.call(ctx, http.MethodPut, "blueprints/"+url.PathEscape(o.blueprint)+"?application_file_name=blueprint.yaml", body, &answer); err != nil {
		return err
	}
	return c.print(o, []row{answer}, "id", "tenant_name", "created_at", "private_resource", "resource_availability")
}

func createTenant(ctx context.Context, c *client, o options) error {
	if len(o.args) != 1 {
		return errors.New("usage: cfy tenants create NAME")
	}
	var answer row
	if err := c.call(ctx, http.MethodPost, "tenants/"+url.PathEscape(o.args[0]), nil, &answer); err != nil {
		return err
	}
	return c.print(o, []row{answer}, "name")
}

func getExecution(ctx context.Context, c *client, o options) error {
	if len(o.args) != 1 {
		return errors.New("usage: cfy executions get ID")
	}
	var answer row
	if err := c.call(ctx, http.MethodGet, "executions/"+url.PathEscape(o.args[0]), nil, &answer); err != nil {
		return err
	}
	return c.print(o, []row{answer}, "id", "workflow_id", "status", "deployment_id", "created_at", "error")
}

func startExecution(ctx context.Context, c *client, o options) error {
	if len(o.args) != 1 || o.deployment == "" {
		return errors.New("usage: cfy executions start WORKFLOW -d DEPLOYMENT [-p JSON] [--no-wait]")
	}
	answer, err := c.start(ctx, o.deployment, o.args[0], json.RawMessage(o.parameters))
	if err == nil && !o.noWait {
		answer, err = c.follow(ctx, answer, time.Hour)
	}
	if answer == nil {
		return err
	}
	return errors.Join(err, c.print(o, []row{answer}, "id", "workflow_id", "status", "error"))
}

func (c *client) start(ctx context.Context, deployment, workflow string, parameters json.RawMessage) (row, error) {
	body, err := json.Marshal(map[string]any{
		"deployment_id": deployment, "workflow_id": workflow, "parameters": parameters, "allow_custom_parameters": "false", "force": "false",
	})
	if err != nil {
		return nil, err
	}
	var answer row
	err = c.call(ctx, http.MethodPost, "executions", body, &answer)
	return answer, err
}

// follow asks for an execution until it has ended; anything but terminated is an error.
func (c *client) follow(ctx context.Context, execution row, within time.Duration) (row, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		switch execution["status"] {
		case "terminated":
			return execution, nil
		case "failed", "cancelled":
			return execution, fmt.Errorf("execution %v: %v %v", execution["id"], execution["status"], execution["error"])
		}
		select {
		case <-ctx.Done():
			return execution, fmt.Errorf("execution %v: %w", execution["id"], ctx.Err())
		case <-time.After(500 * time.Millisecond):
		}
		next := row{}
		if err := c.call(ctx, http.MethodGet, fmt.Sprintf("executions/%v", execution["id"]), nil, &next); err != nil {
			return execution, err
		}
		execution = next
	}
}
