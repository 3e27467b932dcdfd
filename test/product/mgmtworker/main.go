// Command mgmtworker is the demo product's management worker, installed as
// /opt/mgmtworker/env/bin/celery. It reads the broker's settings as the real one does, and
// takes its work from the product's data. Before 4.0 its events and logs go to logstash.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"onerpm/test/product/internal/logstash"
	"onerpm/test/product/internal/product"
	"onerpm/test/product/internal/settings"
	"onerpm/test/product/internal/store"
	"onerpm/test/product/internal/worker"
)

const databaseWait = 90 * time.Second

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx)
	stop()
	if err != nil {
		log.Print(err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	release := product.Current()
	work := settings.FromEnv("MGMTWORKER_WORK_DIR", "/opt/mgmtworker/work")
	if err := checkBroker(work+"/broker_config.json", release); err != nil {
		return err
	}
	rest, err := settings.ReadRest(settings.FromEnv("MANAGER_REST_CONFIG_PATH", settings.RestPath), release)
	if err != nil {
		return err
	}
	w := &worker.Worker{AgentsURL: rest.AgentsURL(), Plugins: settings.FromEnv("MGMTWORKER_HOME", filepath.Dir(work)) + "/env/plugins"}
	if release.Elasticsearch {
		sender := logstash.Dial(settings.FromEnv("LOGSTASH_INPUT", logstash.Input))
		defer sender.Close()
		documents, err := store.OpenDocuments(ctx, rest.Elasticsearch(), sender, databaseWait)
		if err != nil {
			return err
		}
		w.DB = documents
		w.Files = &worker.Files{Documents: documents, Resources: rest.FileRoot, Work: work}
		return w.Run(ctx)
	}
	db, err := store.Open(ctx, rest.DSN(), release, databaseWait)
	if err != nil {
		return err
	}
	defer db.Close()
	w.DB = db
	return w.Run(ctx)
}

// checkBroker reads broker_config.json. From 4.1.1 broker_vhost must be there, and broker_ssl_enabled is a string.
func checkBroker(path string, release product.Release) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var c struct {
		Host  string `json:"broker_hostname"`
		Vhost string `json:"broker_vhost"`
		TLS   any    `json:"broker_ssl_enabled"`
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if c.Host == "" {
		return fmt.Errorf("%s: broker_hostname must be set", path)
	}
	if _, text := c.TLS.(string); release.Vhosts && (c.Vhost == "" || !text) {
		return fmt.Errorf("%s: %s needs broker_vhost, and broker_ssl_enabled as a string", path, release.Version)
	}
	return nil
}
