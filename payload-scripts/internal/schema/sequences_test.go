package schema

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/job"
	"onerpm/payload-scripts/internal/job/jobtest"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/test/product/testbed"
)

// TestSequencesOfAMigrationThatWasCutOff: its rows are gone with its transaction, and the numbers that it drew are given back.
func TestSequencesOfAMigrationThatWasCutOff(t *testing.T) {
	t.Parallel()
	b := testbed.Small(t)
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "migrations"), 0o700); err != nil {
		t.Fatal(err)
	}
	jobtest.Write(t, filepath.Join(dir, "migrations", "1_expand_a.sql"), "-- +goose Up\nALTER TABLE t ADD a int;\n-- +goose Down\nALTER TABLE t DROP a;\n")
	jobtest.Write(t, filepath.Join(dir, "migrations", "2_switch_rows.sql"),
		"-- +goose Up\nINSERT INTO t (b) SELECT 'made' FROM generate_series(1, 40);\nSELECT 1 / (1 - count(*)) FROM t WHERE b = 'made' AND id = 2;\n-- +goose Down\nDELETE FROM t WHERE b = 'made';\n")
	spec := b.Spec
	spec.Expects = &manifest.Expects{Query: "SELECT count(*) FROM t", Value: "1"}
	m := &manifest.Manifest{Prefix: testbed.Prefix, Databases: []manifest.Database{spec}}
	s := &Set{&job.Job{Bundle: &layout.Bundle{Manifest: m, Dir: dir}, Attempt: layout.Attempt{ID: "a1", Var: dir}, Journal: jobtest.Journal(t, dir)}}
	ctx := t.Context()
	b.Must(s.RecordAddresses(ctx))
	b.Must(s.Expand(ctx))
	b.Must(s.RecordSequences(ctx))
	const at = "SELECT format('%s %s', last_value, is_called) FROM t_id_seq"
	if err := s.Converge(ctx, manifest.New); err == nil {
		t.Fatal("the migration came through")
	}
	b.Want(at, "41 t")
	b.Must(s.RecordSequences(ctx)) // again, by an engine that was started anew: the first record counts
	b.Must(s.Journal.Update(func(r *journal.Record) { r.Back = true }))
	b.Must(s.Converge(ctx, manifest.Old))
	b.Want(at, "1 t")
	b.Want("SELECT count(*) FROM t", "1")
}

// TestDamagedSequences: the record is believed whole or not at all.
func TestDamagedSequences(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := &manifest.Manifest{Databases: []manifest.Database{{Name: "main"}}}
	s := &Set{&job.Job{Bundle: &layout.Bundle{Manifest: m}, Attempt: layout.Attempt{Var: dir}, Journal: jobtest.Journal(t, dir)}}
	if err := os.MkdirAll(s.Attempt.Backup(""), 0o700); err != nil {
		t.Fatal(err)
	}
	jobtest.Write(t, s.Attempt.Backup(sequencesFile), `{"main": [{"name": "a`)
	if err := s.RecordSequences(t.Context()); err == nil || !strings.Contains(err.Error(), "read where the sequences stood") {
		t.Errorf("error %v", err)
	}
}

// TestSequencesOfALockedTable: another session's lock is no reason to go back, nor not to come back, and not waited for for long: the
// sequences stay where they are.
func TestSequencesOfALockedTable(t *testing.T) {
	t.Parallel()
	b := testbed.Small(t)
	dir := t.TempDir()
	spec := b.Spec
	spec.Migrations = ""
	m := &manifest.Manifest{Prefix: testbed.Prefix, Limits: manifest.Limits{LockTimeout: manifest.Duration(time.Hour)}, Databases: []manifest.Database{spec}}
	s := &Set{&job.Job{Bundle: &layout.Bundle{Manifest: m, Dir: dir}, Attempt: layout.Attempt{ID: "a1", Var: dir}, Journal: jobtest.Journal(t, dir)}}
	ctx := t.Context()
	b.Must(s.RecordAddresses(ctx))
	b.Must(s.Expand(ctx))
	lock := func() func() error {
		tx, err := b.SQL.Begin()
		b.Must(err)
		_, err = tx.Exec("LOCK TABLE t")
		b.Must(err)
		return tx.Rollback
	}
	began := time.Now()
	end := lock()
	b.Must(s.RecordSequences(ctx))
	b.Must(errors.Join(end(), os.Remove(s.Attempt.Backup(sequencesFile)), s.RecordSequences(ctx)))
	b.Exec("SELECT nextval('t_id_seq')")
	b.Must(s.Journal.Update(func(r *journal.Record) { r.Back, r.Schema = true, map[string]int64{spec.Name: 0} }))
	end = lock()
	b.Must(s.Converge(ctx, manifest.Old))
	b.Must(end())
	b.Want("SELECT last_value FROM t_id_seq", "2")
	b.Must(s.Converge(ctx, manifest.Old))
	b.Want("SELECT last_value FROM t_id_seq", "1")
	if took := time.Since(began); took > 40*time.Second {
		t.Errorf("it took %s", took)
	}
}
