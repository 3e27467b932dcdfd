// Command bootstrap does what the real product's installer does after the packages are
// there: users, folders, certificates, configuration, database or Elasticsearch, services. None of it
// is owned by a package. It runs on the machine itself, as root, with systemd and PostgreSQL up.
//
//	bootstrap install --release 4.1.1 [--schema upgraded|fresh] [--admin-password WORD]
//	bootstrap data --size small|ROWS [--deployments N] [--hosts N] [--no-agents]
//	bootstrap agents --listen 127.0.0.1:5990 --dir FOLDER
//	bootstrap documents --seed N [--deployments N]
//	bootstrap security --store inline|file --passwords plaintext|pbkdf2_sha256
//
// data fills the database and the file server of an installed host, at 3.4.2 through its REST service and its worker; ROWS is how many events, and how
// many logs. agents is the process that stands for the machines the product manages. documents puts awkward data of every kind
// in the place of all that is in the Elasticsearch of a host of 3.4.2. security makes that release ask for a name and a password.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"onerpm/test/product/internal/product"
	"onerpm/test/product/internal/sample"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bootstrap:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("say what to do: install, data, agents, documents or security")
	}
	switch args[0] {
	case "install":
		return installCommand(ctx, args[1:])
	case "data":
		return dataCommand(ctx, args[1:])
	case "agents":
		return agentsCommand(ctx, args[1:])
	case "documents":
		return documentsCommand(ctx, args[1:])
	case "security":
		return securityCommand(ctx, args[1:])
	}
	return fmt.Errorf("%q is neither install, data, agents, documents nor security", args[0])
}

func installCommand(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("install", flag.ContinueOnError)
	version := flags.String("release", "", "`release` whose packages are installed")
	schema := flags.String("schema", "upgraded", "upgraded: as a host that began at 4.0.1; fresh: as one installed at the release")
	password := flags.String("admin-password", "open-sesame-42", "`password` of the user admin")
	if err := flags.Parse(args); err != nil {
		return err
	}
	release, ok := product.Find(*version)
	if !ok {
		return fmt.Errorf("--release %q: the demo product has no such release", *version)
	}
	if *schema != "upgraded" && *schema != "fresh" {
		return fmt.Errorf("--schema %q is neither upgraded nor fresh", *schema)
	}
	return install(ctx, plan{release: release, upgraded: *schema == "upgraded", adminPassword: *password})
}

func dataCommand(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("data", flag.ContinueOnError)
	size := flags.String("size", "small", "small, or how many `rows` of events and of logs")
	deployments := flags.Int("deployments", 6, "how many")
	hosts := flags.Int("hosts", 1, "how many of each deployment, each with an agent")
	noAgents := flags.Bool("no-agents", false, "do not start the process that hosts the agents")
	if err := flags.Parse(args); err != nil {
		return err
	}
	bulk := sample.Small
	if *size != "small" {
		n, err := strconv.Atoi(*size)
		if err != nil || n < 0 {
			return fmt.Errorf("--size %q is neither small nor a number", *size)
		}
		bulk = n
	}
	return fill(ctx, amount{bulk, *deployments, *hosts}, !*noAgents)
}
