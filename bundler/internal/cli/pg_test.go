package cli_test

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"onerpm/test/product/pgserver"
)

// postgres is started by the first script that wants it.
type postgres struct {
	once   sync.Once
	server *pgserver.Server
	err    error
}

func (p *postgres) stop(t *testing.T) {
	if p.server == nil {
		return
	}
	if err := p.server.Stop(); err != nil {
		t.Error(err)
	}
}

// database makes a database and lets DSN lead to it: postgres FILE, with SQL that fills it.
func (p *postgres) database(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: postgres FILE")
	}
	ctx := context.Background()
	p.once.Do(func() { p.server, p.err = pgserver.Start(ctx) })
	ts.Check(p.err)
	name, err := p.server.NewDatabase(ctx)
	ts.Check(err)
	conn, err := pgx.Connect(ctx, p.server.DSN(name))
	ts.Check(err)
	_, err = conn.PgConn().Exec(ctx, ts.ReadFile(args[0])).ReadAll()
	ts.Check(err)
	ts.Check(conn.Close(ctx))
	ts.Setenv("DSN", p.server.DSN(name))
}
