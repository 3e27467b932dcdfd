package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"

	"onerpm/test/product/documents"
	"onerpm/test/product/internal/elastic"
)

func documentsCommand(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("documents", flag.ContinueOnError)
	seed := flags.Uint64("seed", 1, "`number` that the data follows from")
	deployments := flags.Int("deployments", 5, "how many ordinary ones there are among the others")
	if err := flags.Parse(args); err != nil {
		return err
	}
	// The worker would run each execution that is pending for a moment, and logstash would bring what it still has in memory.
	writers := []string{"cloudify-mgmtworker", "logstash"}
	if err := command(ctx, "systemctl", append([]string{"stop"}, writers...)...); err != nil {
		return err
	}
	if err := fillAnew(ctx, *seed, *deployments); err != nil {
		return err
	}
	return command(ctx, "systemctl", append([]string{"start"}, writers...)...)
}

func fillAnew(ctx context.Context, seed uint64, deployments int) error {
	es := elastic.Client{Address: "127.0.0.1:9200"}
	for _, path := range []string{"/" + elastic.Storage, "/logstash-*"} {
		if _, err := es.Call(ctx, http.MethodDelete, path, nil); err != nil {
			return fmt.Errorf("remove what is there: %w", err)
		}
	}
	if err := documents.New(documents.Options{Address: es.Address, Seed: seed, Deployments: deployments}).Fill(ctx); err != nil {
		return err
	}
	_, err := es.Call(ctx, http.MethodPost, "/_flush", nil)
	return err
}
