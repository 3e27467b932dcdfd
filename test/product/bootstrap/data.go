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

// fill adds the sample data to the host's database and starts the agents it speaks of.
func fill(ctx context.Context, bulk, deployments, hosts int, agents bool) error {
	security, err := settings.ReadSecurity(settings.SecurityPath)
	if err != nil {
		return err
	}
	release, err := installed()
	if err != nil {
		return err
	}
	rest, err := settings.ReadRest(settings.RestPath, release.AMQPKey)
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, rest.DSN())
	if err != nil {
		return err
	}
	defer conn.Close(context.Background()) //nolint:errcheck // everything was committed or failed
	if err := sample.Fill(ctx, conn, sample.Options{
		Release: release, Security: security, FileRoot: rest.FileRoot, Bulk: bulk, Deployments: deployments, Hosts: hosts, Agents: agentsAddress,
	}); err != nil {
		return err
	}
	if err := give(rest.FileRoot + "/blueprints"); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "ANALYZE"); err != nil {
		return err
	}
	if agents {
		if err := startAgents(ctx, conn); err != nil {
			return fmt.Errorf("agents: %w", err)
		}
	}
	fmt.Printf("%d events, %d logs, %d deployments\n", bulk, bulk, deployments)
	return nil
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
Description=Demo agents: stand for the machines that the product manages
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=` + agentsProgram + ` agents --listen ` + agentsAddress + ` --dir ` + agentsFolder + `
Restart=on-failure

[Install]
WantedBy=multi-user.target
`

// startAgents installs the agents' process as a service of its own, which is no part of the product.
func startAgents(ctx context.Context, conn *pgx.Conn) error {
	if err := writeAgentList(ctx, conn, agentsFolder); err != nil {
		return err
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
