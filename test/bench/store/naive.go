package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"onerpm/test/host"
)

const server = "dist/components/4.0.1/postgresql95-server-*.rpm"

// naive is what the program took.
type naive struct {
	took time.Duration
	peak int64 // bytes of memory
}

// copyNaively has the program copy everything into a PostgreSQL that was not there before and is not afterwards. As in the
// upgrade's window, nothing but Elasticsearch runs meanwhile.
func copyNaively(ctx context.Context, m *host.Machine, program string, entries int) (n naive, err error) {
	rpms, err := filepath.Glob(server)
	if err != nil || len(rpms) != 1 {
		return n, errors.Join(err, errors.New("there is not one "+server+": make components builds it"))
	}
	tables, err := os.ReadFile("test/product/schema/4.0.1.sql")
	if err != nil {
		return n, err
	}
	if err := errors.Join(m.CopyIn(rpms[0], "/srv/naive/server.rpm"), m.CopyIn(program, "/srv/naive/naive"), m.WriteFile("/srv/naive/tables.sql", tables, 0o644)); err != nil {
		return n, err
	}
	if _, err := m.Output(ctx, `set -e
rpm -i /srv/naive/server.rpm
/usr/pgsql-9.5/bin/postgresql95-setup initdb >/dev/null
systemctl start postgresql-9.5
ask() { runuser -u postgres -- psql -Xq -v ON_ERROR_STOP=1 "$@"; }
ask -c "CREATE ROLE cloudify LOGIN PASSWORD 'cloudify'" -c "CREATE DATABASE cloudify_db OWNER cloudify"
cd / && (echo 'SET ROLE cloudify;'; cat /srv/naive/tables.sql; echo "INSERT INTO tenants VALUES (0, 'default_tenant'); INSERT INTO users (id, username) VALUES (0, 'admin');") | ask -1 -d cloudify_db -f -
systemctl stop nginx cloudify-mgmtworker cloudify-restservice logstash cloudify-amqpinflux`); err != nil {
		return n, err
	}
	began := time.Now()
	kib, err := m.Output(ctx, "/srv/naive/naive postgres://cloudify:cloudify@127.0.0.1/cloudify_db")
	if err != nil {
		return n, err
	}
	n.took = time.Since(began)
	if _, err := fmt.Sscan(kib, &n.peak); err != nil {
		return n, fmt.Errorf("the program's memory: %w", err)
	}
	n.peak <<= 10
	var rows int
	text, err := m.Output(ctx, `cd / && runuser -u postgres -- psql -XAtq -d cloudify_db -c "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM logs)"`)
	if err != nil {
		return n, err
	}
	if _, err := fmt.Sscan(text, &rows); err != nil || rows < entries {
		return n, fmt.Errorf("it copied %s of %d events and logs", text, entries)
	}
	_, err = m.Output(ctx, `set -e
systemctl stop postgresql-9.5
pg_dropcluster --stop 15 main
rpm -e postgresql95-server
rm -rf /srv/naive
systemctl start cloudify-amqpinflux logstash cloudify-restservice cloudify-mgmtworker nginx`)
	if err == nil {
		err = m.AwaitProduct(ctx, "3.4.2")
	}
	return n, err
}
