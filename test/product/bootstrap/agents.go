package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"os"
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

// brokerPort is that of the broker without TLS, to which agents before 4.0 listen.
const brokerPort = 5672

// writeBroker writes down the broker that agents before 4.0 have: the manager's own, as its worker knows it.
func writeBroker(dir string) error {
	b, err := os.ReadFile("/opt/mgmtworker/work/broker_config.json")
	if err != nil {
		return err
	}
	var c struct {
		Host     string `json:"broker_hostname"`
		User     string `json:"broker_username"`
		Password string `json:"broker_password"`
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return err
	}
	if b, err = json.MarshalIndent(agent.Broker{IP: c.Host, Port: brokerPort, User: c.User, Password: c.Password}, "", "  "); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, agent.BrokerFile), b, 0o600)
}
