// Command amqpinflux carries metrics to the metrics database. In the demo product the only
// metric is its own heartbeat, labelled with its release.
package main

import (
	"context"
	"errors"
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
	err := run(ctx)
	stop()
	if err != nil {
		log.Print(err)
		os.Exit(1)
	}
}

// run sends a heartbeat every five seconds. A database that is down is said once, not every time.
func run(ctx context.Context) error {
	if os.Getenv("AMQP_HOST") == "" {
		return errors.New("AMQP_HOST is not set")
	}
	influxdb := os.Getenv("INFLUXDB_HOST")
	if influxdb == "" {
		influxdb = "127.0.0.1"
	}
	log.Print("sends metrics")
	down := false
	for ctx.Err() == nil {
		err := beat(ctx, "http://"+influxdb+":8086/db/cloudify/series")
		if err != nil && !down && ctx.Err() == nil {
			log.Printf("metrics database: %v", err)
		}
		down = err != nil
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Second):
		}
	}
	return nil
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
