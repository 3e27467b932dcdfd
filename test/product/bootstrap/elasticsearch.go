package main

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"onerpm/test/product/internal/elastic"
)

// elasticsearchFiles is the configuration of Elasticsearch that the product's installer writes. It is not in versions/, because
// it belongs to the store, which outlives the upgrade's own part.
//
//go:embed elasticsearch
var elasticsearchFiles embed.FS

// folders of release 3.4.2, by the users that write into them.
var foldersBefore40 = map[string]string{
	"/opt/manager/resources/blueprints": "root", "/opt/manager/resources/deployments": "root", "/opt/manager/resources/snapshots": "root",
	"/opt/manager/resources/uploaded-blueprints": "root", "/opt/manager/resources/plugins": "root", "/opt/manager/maintenance": "root",
	"/opt/mgmtworker/work/deployments": "root", "/opt/mgmtworker/env/plugins": "root", "/opt/riemann": "root", "/opt/influxdb/shared/data": "influxdb",
	"/var/log/cloudify/rest": "root", "/var/log/cloudify/mgmtworker": "root", "/var/log/cloudify/riemann": "root", "/var/log/cloudify/influxdb": "influxdb",
	"/var/log/cloudify/elasticsearch": "elasticsearch", "/var/log/cloudify/logstash": "logstash",
}

func stepsOnElasticsearch(ctx context.Context, p plan) []step {
	return []step{
		{"packages", func() error { return checkPackages(p.release) }},
		{"users", func() error { return errors.Join(ensureUser(ctx, "amqpinflux"), ensureUser(ctx, "influxdb")) }},
		{"folders", func() error {
			for path, owner := range foldersBefore40 {
				if err := os.MkdirAll(path, 0o755); err != nil {
					return err
				}
				if err := give(path, owner); err != nil {
					return err
				}
			}
			return nil
		}},
		{"configuration", func() error { return errors.Join(writeConfiguration(ctx, p), writeElasticsearchConfiguration()) }},
		{"PostgreSQL", func() error { return dropCluster(ctx) }},
		{"Elasticsearch", func() error { return makeStorage(ctx) }},
		{"services", func() error { return startServices(ctx, p.release, "elasticsearch", "logstash") }},
		{"provider context", func() error { return setProviderContext(ctx) }},
	}
}

func writeElasticsearchConfiguration() error {
	return fs.WalkDir(elasticsearchFiles, "elasticsearch", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := elasticsearchFiles.ReadFile(path)
		if err != nil {
			return err
		}
		return writeFile(strings.TrimPrefix(path, "elasticsearch"), body, 0o644)
	})
}

// dropCluster removes the PostgreSQL that the machine's image brings: at 3.4.2 there is none.
func dropCluster(ctx context.Context) error {
	if _, err := os.Stat(cluster); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return command(ctx, "pg_dropcluster", "--stop", "15", "main")
}

// makeStorage starts Elasticsearch and makes the product's index.
func makeStorage(ctx context.Context) error {
	for _, args := range [][]string{{"daemon-reload"}, {"restart", "elasticsearch"}} {
		if err := command(ctx, "systemctl", args...); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	es := elastic.Client{Address: "127.0.0.1:9200"}
	for {
		err := es.CreateStorage(ctx)
		if err == nil {
			_, err = es.Call(ctx, http.MethodGet, "/_cluster/health/"+elastic.Storage+"?wait_for_status=yellow&timeout=60s", nil)
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(300 * time.Millisecond):
		}
	}
}
