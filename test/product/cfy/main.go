// Command cfy is the demo product's command line. It talks to the manager's REST service
// through nginx; where the manager is and who asks stands in a profile.
//
//	cfy status
//	cfy blueprints list | upload FILE -b ID
//	cfy deployments list
//	cfy executions list | get ID | start WORKFLOW -d DEPLOYMENT [-p JSON] [--no-wait]
//	cfy events list -e EXECUTION
//	cfy tenants list | create NAME
//	cfy agents install [DEPLOYMENT] [--all-tenants]
//
// Flags for all: --tenant-name NAME, --json. Profile: $CFY_PROFILE, or ~/.cloudify/profile.json.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"onerpm/test/product/internal/product"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "cfy:", err)
		os.Exit(1)
	}
}

// options are what may stand behind any command.
type options struct {
	tenant, blueprint, deployment, execution, parameters string
	json, allTenants, noWait                             bool
	args                                                 []string // what is no flag
}

type commandFunc func(context.Context, *client, options) error

// commands by their two words; the second is "" where there is one word only.
var commands = map[[2]string]commandFunc{
	{"status", ""}:           status,
	{"blueprints", "list"}:   list("blueprints", "id", "main_file_name", "created_at", "created_by", "private_resource", "resource_availability"),
	{"blueprints", "upload"}: upload,
	{"deployments", "list"}:  list("deployments", "id", "blueprint_id", "created_at", "created_by"),
	{"executions", "list"}:   list("executions", "id", "workflow_id", "status", "deployment_id", "created_at", "error"),
	{"executions", "get"}:    getExecution,
	{"executions", "start"}:  startExecution,
	{"events", "list"}:       list("events", "timestamp", "event_type", "level", "message"),
	{"tenants", "list"}:      list("tenants", "name", "groups", "users"),
	{"tenants", "create"}:    createTenant,
	{"agents", "install"}:    installAgents,
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 1 && (args[0] == "--version" || args[0] == "version") {
		_, err := fmt.Fprintln(out, "Cloudify CLI", product.Version)
		return err
	}
	do, rest, err := choose(args)
	if err != nil {
		return err
	}
	o, err := parse(rest)
	if err != nil {
		return err
	}
	c, err := newClient(o, out)
	if err != nil {
		return err
	}
	return do(ctx, c, o)
}

func choose(args []string) (commandFunc, []string, error) {
	for words := min(2, len(args)); words > 0; words-- {
		var name [2]string
		copy(name[:], args[:words])
		if do, ok := commands[name]; ok {
			return do, args[words:], nil
		}
	}
	return nil, nil, errors.New("no such command; there are status, blueprints list|upload, deployments list, executions list|get|start, " +
		"events list, tenants list|create, agents install")
}

// parse reads flags wherever they stand between the other words.
func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("cfy", flag.ContinueOnError)
	flags.StringVar(&o.tenant, "tenant-name", "", "`tenant` to work in; the profile's when absent")
	flags.StringVar(&o.blueprint, "b", "", "blueprint `id`")
	flags.StringVar(&o.deployment, "d", "", "deployment `id`")
	flags.StringVar(&o.execution, "e", "", "execution `id`")
	flags.StringVar(&o.parameters, "p", "{}", "workflow parameters as `JSON`")
	flags.BoolVar(&o.json, "json", false, "print the manager's answer")
	flags.BoolVar(&o.allTenants, "all-tenants", false, "every tenant the user may see")
	flags.BoolVar(&o.noWait, "no-wait", false, "do not wait until the execution ends")
	for len(args) > 0 {
		if err := flags.Parse(args); err != nil {
			return o, err
		}
		if args = flags.Args(); len(args) > 0 {
			o.args = append(o.args, args[0])
			args = args[1:]
		}
	}
	return o, nil
}
