package database

import (
	"fmt"
	"io"
	"os"

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
