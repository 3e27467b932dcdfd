// Command amqpinflux carries metrics to the metrics database. In the demo product the only
// metric is its own heartbeat, labelled with its release.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"onerpm/test/product/internal/product"
)

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if os.Getenv("AMQP_HOST") == "" {
		log.Print("AMQP_HOST is not set")
		stop()
		os.Exit(1)
	}
	influxdb := os.Getenv("INFLUXDB_HOST")
	if influxdb == "" {
		influxdb = "127.0.0.1"
	}
	url := "http://" + influxdb + ":8086/db/cloudify/series"
	down := false
	for ctx.Err() == nil {
		err := beat(ctx, url)
		if err != nil && !down && ctx.Err() == nil {
			log.Printf("metrics database: %v", err)
		}
		down = err != nil
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Second):
		}
	}
}

func beat(ctx context.Context, url string) error {
	body := fmt.Sprintf(`[{"name":"amqp_influx.alive","columns":["release"],"points":[[%q]]}]`, product.Version)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
