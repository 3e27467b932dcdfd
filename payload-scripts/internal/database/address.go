package database

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"onerpm/internal/hostconf"
	"onerpm/internal/manifest"
)

// maxConfig bounds the configuration file that is read, in bytes.
const maxConfig = 1 << 20

// ReadAddress reads where a database is from the product's file on this host. An
// error names the file and the key, never a value.
func ReadAddress(c manifest.Connection) (hostconf.Address, error) {
	f, err := os.Open(c.File)
	if err != nil {
		return hostconf.Address{}, fmt.Errorf("read the database's address: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	data, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return hostconf.Address{}, fmt.Errorf("read the database's address: %w", err)
	}
	if len(data) > maxConfig {
		return hostconf.Address{}, fmt.Errorf("read the database's address: %s is larger than %d bytes", c.File, maxConfig)
	}
	a, err := hostconf.ReadAddress(data, c)
	if err != nil {
		return hostconf.Address{}, fmt.Errorf("read the database's address from %s: %w", c.File, err)
	}
	return a, nil
}

// clientConfig is the configuration for pgx. Nothing of it comes from the environment.
func clientConfig(a hostconf.Address, name string, lock time.Duration) (*pgx.ConnConfig, error) {
	quote := func(s string) string {
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
	}
	cfg, err := pgx.ParseConfig("sslmode=prefer host=" + quote(a.Host) + " port=" + strconv.Itoa(int(a.Port)) +
		" dbname=" + quote(a.Database) + " user=" + quote(a.User) + " passfile=/dev/null")
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", a, err)
	}
	cfg.Password = a.Password
	cfg.ConnectTimeout = connectTimeout
	cfg.RuntimeParams = map[string]string{
		"application_name":  name,
		"lock_timeout":      strconv.FormatInt(lock.Milliseconds(), 10),
		"statement_timeout": "0", // the role may have one; an index build takes what it takes
		"client_encoding":   "UTF8",
	}
	return cfg, nil
}
