package dump

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/host"
)

var dumpNumber = regexp.MustCompile(`^([0-9]+)(\.[0-9]+)?`)

// clientFolders are where PostgreSQL's packages put pg_dump, besides the usual path.
var clientFolders = []string{"/usr/pgsql-*/bin", "/usr/lib/postgresql/*/bin", "/usr/bin", "/usr/local/bin"}

// Client finds the folder of a pg_dump that is not older than the server, the
// oldest such: an older one refuses.
func Client(ctx context.Context, db *database.DB) (string, error) {
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

// program runs one of PostgreSQL's programs on the database.
func program(ctx context.Context, db *database.DB, name string, timeout time.Duration, args ...string) error {
	bin, err := Client(ctx, db)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "pgpass-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	pass, err := db.PassFile(dir)
	if err != nil {
		return err
	}
	_, err = host.Run(ctx, host.Cmd{Name: filepath.Join(bin, name), Args: args, Env: db.ClientEnv(pass), Timeout: timeout})
	return err
}
