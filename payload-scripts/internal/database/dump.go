package database

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"onerpm/payload-scripts/internal/host"
)

const (
	dumpTimeout = 12 * time.Hour // of a database of hundreds of gigabytes on a slow disk
	lockForDump = "60s"          // pg_dump waits at most so long for its locks, all of them weak
)

var dumpNumber = regexp.MustCompile(`^([0-9]+)(\.[0-9]+)?`)

// clientFolders are where PostgreSQL's packages put pg_dump, besides the usual path.
var clientFolders = []string{"/usr/pgsql-*/bin", "/usr/lib/postgresql/*/bin", "/usr/bin", "/usr/local/bin"}

// Dump writes the whole database to file (custom format, mode 0600, durable) and
// reads it back in full, as pg_restore --list accepts a truncated one. A file
// that stands under this name is complete.
func (db *DB) Dump(ctx context.Context, file string) error {
	bin, err := db.client(ctx)
	if err != nil {
		return err
	}
	dir := filepath.Dir(file)
	pass, err := db.passFile(dir)
	if err != nil {
		return fmt.Errorf("dump: %w", err)
	}
	defer os.Remove(pass) //nolint:errcheck // the folder is root's alone
	part := file + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("dump: %w", err)
	}
	if err := errors.Join(f.Chmod(0o600), f.Close()); err != nil {
		return fmt.Errorf("dump: %w", err)
	}
	if err := db.dumpTo(ctx, bin, pass, part); err != nil {
		_ = os.Remove(part)
		return fmt.Errorf("dump %s to %s: %w", db.to, file, err)
	}
	host.Point("rename", file)
	if err := os.Rename(part, file); err != nil {
		return err
	}
	return host.SyncDir(dir)
}

func (db *DB) dumpTo(ctx context.Context, bin, pass, part string) error {
	_, err := host.Run(ctx, host.Cmd{
		Name:    filepath.Join(bin, "pg_dump"),
		Args:    []string{"--format=custom", "--no-password", "--lock-wait-timeout=" + lockForDump, "--file=" + part},
		Env:     db.clientEnv(pass),
		Timeout: dumpTimeout,
	})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(part, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	host.Point("fsync", part)
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	_, err = host.Run(ctx, host.Cmd{
		Name: filepath.Join(bin, "pg_restore"), Args: []string{"--file=/dev/null", part}, Timeout: dumpTimeout, Discard: true,
	})
	if err != nil {
		return fmt.Errorf("read the dump back: %w", err)
	}
	return nil
}

// clientEnv leads PostgreSQL's programs to the database. The password is in the file pass.
func (db *DB) clientEnv(pass string) []string {
	return []string{
		"PGPASSFILE=" + pass, "PGHOST=" + db.to.Host, "PGPORT=" + strconv.Itoa(int(db.to.Port)),
		"PGUSER=" + db.to.User, "PGDATABASE=" + db.to.Database, "PGAPPNAME=" + db.name, "PGCONNECT_TIMEOUT=10",
	}
}

// passFile writes the password where only root can read it.
func (db *DB) passFile(dir string) (string, error) {
	f, err := os.CreateTemp(dir, ".pgpass.*") // 0600
	if err != nil {
		return "", err
	}
	escape := strings.NewReplacer(`\`, `\\`, `:`, `\:`)
	name := db.to.Host
	if strings.HasPrefix(name, "/") {
		name = "*" // pg_dump looks a socket's folder up as "localhost" when it is the built-in one
	}
	_, err = fmt.Fprintf(f, "%s:%d:%s:%s:%s\n", escape.Replace(name), db.to.Port,
		escape.Replace(db.to.Database), escape.Replace(db.to.User), escape.Replace(db.to.Password))
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// client finds the folder of a pg_dump that is not older than the server, the
// oldest such: an older one refuses.
func (db *DB) client(ctx context.Context) (string, error) {
	server, err := db.Count(ctx, "SELECT current_setting('server_version_num')")
	if err != nil {
		return "", err
	}
	need := major(server)
	best, bestVersion := "", 0.0
	var seen []string
	for _, pattern := range clientFolders {
		dirs, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		for _, dir := range dirs {
			v, ok := dumpVersion(ctx, dir)
			if !ok {
				continue
			}
			seen = append(seen, fmt.Sprintf("%s (%v)", dir, v))
			if v >= need && (best == "" || v < bestVersion) {
				best, bestVersion = dir, v
			}
		}
	}
	if best == "" {
		return "", fmt.Errorf("no pg_dump for PostgreSQL %v on this host; found: %s; install the server's client package", need, strings.Join(seen, ", "))
	}
	return best, nil
}

// major turns server_version_num into the version that decides: 9.5 or 15.
func major(num int64) float64 {
	if num < 100000 {
		return float64(num/10000) + float64(num/100%100)/10
	}
	return float64(num / 10000)
}

// dumpVersion asks the pg_dump of a folder which PostgreSQL it is of.
func dumpVersion(ctx context.Context, dir string) (float64, bool) {
	program := filepath.Join(dir, "pg_dump")
	if _, err := os.Stat(program); err != nil {
		return 0, false
	}
	if _, err := os.Stat(filepath.Join(dir, "pg_restore")); err != nil {
		return 0, false
	}
	res, err := host.Run(ctx, host.Cmd{Name: program, Args: []string{"--version"}, Timeout: 10 * time.Second})
	if err != nil {
		return 0, false
	}
	return parseDumpVersion(res.Stdout)
}

// parseDumpVersion reads "pg_dump (PostgreSQL) 9.5.3" or "... 15.4 (Debian 15.4-1)".
func parseDumpVersion(s string) (float64, bool) {
	_, rest, ok := strings.Cut(s, ") ")
	if !ok {
		return 0, false
	}
	number := dumpNumber.FindStringSubmatch(rest)
	if number == nil {
		return 0, false
	}
	text := number[1]
	if len(text) == 1 { // before 10, the second part counts
		text += number[2]
	}
	v, err := strconv.ParseFloat(text, 64)
	return v, err == nil
}
