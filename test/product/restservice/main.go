// Command restservice is the demo product's REST service. It is installed as
// /opt/manager/env/bin/gunicorn and started as the real one is:
//
//	gunicorn -b 127.0.0.1:8100 manager_rest.server:app    # 3.4.2, 4.0.1, 4.1.1
//	gunicorn -b 127.0.0.1:8100 manager_rest.wsgi:app      # 4.2.0
//
// Told another release's application it does not start, so an old unit cannot run new code.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"onerpm/test/product/internal/api"
	"onerpm/test/product/internal/product"
	"onerpm/test/product/internal/settings"
	"onerpm/test/product/internal/store"
)

// How long a PostgreSQL or an Elasticsearch that does not answer yet is waited for; after that
// systemd starts the service anew.
const databaseWait = 90 * time.Second

func main() {
	log.SetFlags(0) // the journal has the time
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		log.Print(err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	release := product.Current()
	flags := flag.NewFlagSet("gunicorn", flag.ContinueOnError)
	bind := flags.String("b", "127.0.0.1:8100", "`address` to listen on")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if app := flags.Arg(0); app != release.App {
		module, _, _ := strings.Cut(app, ":")
		return fmt.Errorf("ImportError: No module named %s", strings.TrimPrefix(module, "manager_rest."))
	}
	rest, err := settings.ReadRest(settings.FromEnv("MANAGER_REST_CONFIG_PATH", settings.RestPath), release)
	if err != nil {
		return err
	}
	service := &api.Service{Release: release, Rest: rest, Units: units(release)}
	security := settings.FromEnv("MANAGER_REST_SECURITY_CONFIG_PATH", settings.SecurityPath)
	if release.Elasticsearch {
		if service.Userstore, err = settings.ReadUserstore(security); err != nil {
			return err
		}
		if service.Documents, err = store.OpenDocuments(ctx, rest.Elasticsearch(), nil, databaseWait); err != nil {
			return err
		}
		return serve(ctx, *bind, service.Handler())
	}
	if service.Security, err = settings.ReadSecurity(security); err != nil {
		return err
	}
	if service.DB, err = store.Open(ctx, rest.DSN(), release, databaseWait); err != nil {
		return err
	}
	defer service.DB.Close()
	if release.Availability {
		if err := ensureRoles(ctx, service.DB); err != nil {
			return err
		}
	}
	return serve(ctx, *bind, service.Handler())
}

// ensureRoles finds or creates the roles of authorization.conf, which 4.2.0 cannot do without.
func ensureRoles(ctx context.Context, db *store.DB) error {
	path := os.Getenv("MANAGER_REST_AUTHORIZATION_CONFIG_PATH")
	if path == "" {
		return errors.New("MANAGER_REST_AUTHORIZATION_CONFIG_PATH is not set")
	}
	auth, err := settings.ReadAuthorization(path)
	if err != nil {
		return err
	}
	return db.EnsureRoles(ctx, auth.Roles)
}

func units(r product.Release) []string {
	out := []string{"cloudify-restservice", "cloudify-mgmtworker", "cloudify-amqpinflux", "cloudify-influxdb", "nginx"}
	if r.Elasticsearch {
		return append(out, "elasticsearch", "logstash")
	}
	out = append(out, "postgresql")
	switch r.Version {
	case "4.1.1":
		out = append(out, "cloudify-blueprint-composer")
	case "4.2.0":
		out = append(out, "cloudify-composer")
	}
	return out
}

func serve(ctx context.Context, addr string, h http.Handler) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	log.Printf("listening on %s", l.Addr())
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return server.Shutdown(ending)
}
