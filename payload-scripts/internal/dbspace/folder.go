package dbspace

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/host"
)

// startedWithin bounds the seconds between the server's two notes of its start.
const startedWithin = 60

// maxPidFile bounds postmaster.pid, in bytes.
const maxPidFile = 4096

// Folder finds the data folder of the database's server when that runs on this machine.
// Only a superuser is told by PostgreSQL where it is, but each of its processes works in
// it. The address says nothing: a name or a port can lead to another machine.
func Folder(ctx context.Context, db *database.DB) (dir string, found bool, err error) {
	err = db.Reading(ctx, func(tx *sql.Tx) error {
		var pid, started int64
		var port string
		err := tx.QueryRowContext(ctx, `SELECT pg_backend_pid(), current_setting('port'), extract(epoch FROM pg_postmaster_start_time())::bigint`).Scan(&pid, &port, &started)
		if err != nil {
			return database.Explain(err)
		}
		dir, err = os.Readlink("/proc/" + strconv.FormatInt(pid, 10) + "/cwd")
		found = err == nil && serves(dir, port, started)
		return nil
	})
	return dir, found, err
}

// serves reports whether a folder is that of the server with this port which was started
// then. Its postmaster.pid has, line by line: process, folder, start, port.
func serves(dir, port string, started int64) bool {
	text, err := host.ReadFile(filepath.Join(dir, "postmaster.pid"), maxPidFile)
	if err != nil {
		return false
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < 4 || strings.TrimSpace(lines[3]) != port {
		return false
	}
	noted, err := strconv.ParseInt(strings.TrimSpace(lines[2]), 10, 64)
	return err == nil && noted-started <= startedWithin && started-noted <= startedWithin
}

// logFolder is where the server of a data folder writes its write-ahead log, which often
// has a disk of its own.
func logFolder(data string) string {
	for _, name := range []string{"pg_wal", "pg_xlog"} { // since PostgreSQL 10, and before
		if dir, err := filepath.EvalSymlinks(filepath.Join(data, name)); err == nil {
			return dir
		}
	}
	return data
}
