package database

import (
	"fmt"

	"onerpm/internal/hostconf/connection"
	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
)

// maxConfig bounds the configuration file that is read, in bytes.
const maxConfig = 1 << 20

// ReadAddress reads where a database is from the product's file on this host. An
// error names the file and the key, never a value.
func ReadAddress(c manifest.Connection) (connection.Address, error) { return ReadMerged(c, c.File) }

// ReadMerged reads it from what the product's file will be, which lies elsewhere.
func ReadMerged(c manifest.Connection, merged string) (connection.Address, error) {
	data, err := host.ReadFile(merged, maxConfig)
	if err != nil {
		return connection.Address{}, fmt.Errorf("read the database's address from %s: %w", c.File, err)
	}
	a, err := connection.Read(data, c)
	if err != nil {
		return connection.Address{}, fmt.Errorf("read the database's address from %s: %w", c.File, err)
	}
	return a, nil
}
