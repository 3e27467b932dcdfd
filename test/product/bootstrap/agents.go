package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"path/filepath"

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

// writeAgentList writes down which agents the runtime properties speak of. One without a version has the installed release's.
func writeAgentList(all [][]byte, release, dir string) error {
	agents := map[string]string{}
	for _, b := range all {
		var runtime map[string]any
		if err := json.Unmarshal(b, &runtime); err != nil {
			return err
		}
		if r, err := agent.FromRuntime(runtime); err == nil {
			agents[r.Name] = cmp.Or(r.Version, release)
		}
	}
	b, err := json.MarshalIndent(agents, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, agent.ListFile), b, 0o644)
}
