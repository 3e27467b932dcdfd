package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/jackc/pgx/v5"

	"onerpm/test/product/internal/product"
	"onerpm/test/product/internal/sample"
	"onerpm/test/product/internal/settings"
)

const (
	agentsAddress = "127.0.0.1:5990"
	agentsFolder  = "/var/lib/demo-agents"
	agentsProgram = "/usr/local/lib/demo-agents/bootstrap"
)

// amount says how much data there is to be.
type amount struct {
	bulk        int // events, and logs
	deployments int
	hosts       int // of each deployment, each with an agent
}

// fill adds the sample data to an installed host and starts the agents it speaks of.
func fill(ctx context.Context, a amount, agents bool) error {
	release, err := installed()
	if err != nil {
		return err
	}
	rest, err := settings.ReadRest(settings.RestPath, release)
	if err != nil {
		return err
	}
	var runtimes [][]byte
	if release.Elasticsearch {
		runtimes, err = fillThroughREST(ctx, rest, a)
	} else {
		runtimes, err = fillDatabase(ctx, release, rest, a)
	}
	if err != nil {
		return err
	}
	if agents {
		if err := startAgents(ctx, runtimes, release); err != nil {
			return fmt.Errorf("agents: %w", err)
		}
	}
	fmt.Printf("%d events, %d logs, %d deployments\n", a.bulk, a.bulk, a.deployments)
	return nil
}

// fillDatabase returns the runtime properties of all node instances.
func fillDatabase(ctx context.Context, release product.Release, rest settings.Rest, a amount) ([][]byte, error) {
	security, err := settings.ReadSecurity(settings.SecurityPath)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, rest.DSN())
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.Background()) //nolint:errcheck // everything was committed or failed
	if err := sample.Fill(ctx, conn, sample.Options{
		Release: release, Security: security, FileRoot: rest.FileRoot, Bulk: a.bulk, Deployments: a.deployments, Hosts: a.hosts, Agents: agentsAddress,
	}); err != nil {
		return nil, err
	}
	if err := give(rest.FileRoot+"/blueprints", serviceUser); err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "ANALYZE"); err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, "SELECT runtime_properties FROM node_instances ORDER BY _storage_id")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[[]byte])
}

// installed returns the release whose code is on the host.
func installed() (product.Release, error) {
	b, err := os.ReadFile("/opt/manager/env/lib/manager_rest/VERSION")
	if err != nil {
		return product.Release{}, err
	}
	version := string(b[:max(0, len(b)-1)])
	r, ok := product.Find(version)
	if !ok {
		return r, fmt.Errorf("the host has release %q, which is not known", version)
	}
	return r, nil
}

const agentsUnit = `[Unit]
Description=Demo agents: stand for the machines that the product manages, and for the broker that those before 4.0 listen to
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=` + agentsProgram + ` agents --listen ` + agentsAddress + ` --dir ` + agentsFolder + `
Restart=on-failure

[Install]
WantedBy=multi-user.target
`

// startAgents installs the agents' process as a service of its own, which is no part of the product.
func startAgents(ctx context.Context, runtimes [][]byte, release product.Release) error {
	if err := writeAgentList(runtimes, release.Version, agentsFolder); err != nil {
		return err
	}
	if release.Elasticsearch {
		if err := writeBroker(agentsFolder); err != nil {
			return err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := copyFile(self, agentsProgram); err != nil {
		return err
	}
	if err := writeFile("/etc/systemd/system/demo-agents.service", []byte(agentsUnit), 0o644); err != nil {
		return err
	}
	if err := command(ctx, "systemctl", "daemon-reload"); err != nil {
		return err
	}
	return command(ctx, "systemctl", "enable", "--now", "demo-agents")
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	if err := writeFile(to, nil, 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
