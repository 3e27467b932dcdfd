// Command logstash stands for logstash beside release 3.4.2 of the demo product. It is installed as /opt/logstash/bin/logstash.
//
//	LOGSTASH_INPUT=127.0.0.1:9999 LOGSTASH_ELASTICSEARCH=127.0.0.1:9200 logstash
//
// It does not read logstash.conf, which is there because an upgrade changes it.
package main

import (
	"context"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"

	"onerpm/test/product/internal/logstash"
	"onerpm/test/product/internal/settings"
)

func main() {
	log.SetFlags(0) // the journal has the time
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx)
	stop()
	if err != nil {
		log.Print(err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	l, err := net.Listen("tcp", settings.FromEnv("LOGSTASH_INPUT", logstash.Input))
	if err != nil {
		return err
	}
	return logstash.Serve(ctx, l, settings.FromEnv("LOGSTASH_ELASTICSEARCH", "127.0.0.1:9200"))
}
