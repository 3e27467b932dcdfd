package main

import (
	"context"
	"encoding/json"
	"flag"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"onerpm/test/product/internal/agent"
)

func agentsCommand(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("agents", flag.ContinueOnError)
	listen := flags.String("listen", agentsAddress, "`address` to listen on")
	dir := flags.String("dir", agentsFolder, "`folder` with the list of agents, and for what they install")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return agent.Serve(ctx, *listen, *dir)
}

// writeAgentList writes down which agents the database speaks of.
func writeAgentList(ctx context.Context, conn *pgx.Conn, dir string) error {
	rows, err := conn.Query(ctx, "SELECT runtime_properties FROM node_instances ORDER BY _storage_id")
	if err != nil {
		return err
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		return err
	}
	agents := map[string]string{}
	for _, b := range all {
		var runtime map[string]any
		if err := json.Unmarshal(b, &runtime); err != nil {
			return err
		}
		if r, err := agent.FromRuntime(runtime); err == nil {
			agents[r.Name] = r.Version
		}
	}
	b, err := json.MarshalIndent(agents, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, agent.ListFile), b, 0o644)
}
