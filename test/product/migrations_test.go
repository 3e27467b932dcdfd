package product_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/measure"
)

// TestMigrationsAreMeasured tries the real jumps' migrations, as bundler check
// --database does, on the product's databases: no statement is at the wrong time.
func TestMigrationsAreMeasured(t *testing.T) {
	t.Parallel()
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the engine's words
	for jump, from := range map[string]int{"4.0.1-4.1.1": 0, "4.1.1-4.2.0": 1} {
		t.Run(jump, func(t *testing.T) { // one after the other: their copies have one name
			folder, err := filepath.Abs("../../specs/" + jump)
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(filepath.Join(folder, "upgrade.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			var spec struct{ Databases []manifest.Database }
			if err := yaml.Unmarshal(text, &spec); err != nil {
				t.Fatal(err)
			}
			db := spec.Databases[0]
			db.Migrations, db.Checks = filepath.Join(folder, db.Migrations), filepath.Join(folder, db.Checks)
			m := newManager(t, releases[from])
			dsn := postgres.DSN(m.db.Config().Database)
			m.must(m.db.Close(t.Context())) // a database is copied when nobody is in it
			r, err := measure.Run(context.Background(), measure.Options{DSN: dsn, Prefix: "cloudify-upgrade", Database: db,
				Limits: manifest.Limits{LockTimeout: manifest.Duration(3 * time.Second)}, Note: func(string) {}})
			if err != nil {
				t.Fatal(err)
			}
			for _, wrong := range r.Mistakes {
				t.Errorf("%s:%d: %s", wrong.File, wrong.Line, wrong.What)
			}
			if len(r.Statements) < 20 {
				t.Errorf("only %d statements were seen", len(r.Statements))
			}
		})
	}
}
