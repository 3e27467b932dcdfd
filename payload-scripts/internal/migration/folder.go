package migration

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// migration is one file of the folder.
type migration struct {
	number int64
	file   string
	change bool   // a switch migration: it runs in the window
	alone  bool   // NO TRANSACTION
	index  string // the index that an alone file builds, "" when it does something else
}

const (
	maxMigrations    = 10_000
	maxMigrationFile = 4 << 20 // bytes
)

var (
	migrationName = regexp.MustCompile(`^([0-9]{1,18})_(expand|switch)_[0-9a-z_]+\.sql$`)
	noTransaction = regexp.MustCompile(`(?m)^--\s*\+goose\s+NO\s+TRANSACTION\s*$`)
	downPart      = regexp.MustCompile(`(?m)^--\s*\+goose\s+Down\s*$`)
	builtIndex    = regexp.MustCompile(`(?i)\bCREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?:IF\s+NOT\s+EXISTS\s+)?([a-z_][a-z0-9_$]*)\s+ON\b`)
)

// readFolder lists the migrations of a folder by number. A file that is no
// migration, a number that is there twice and an expand migration after a switch
// migration are errors.
func readFolder(dir string) ([]migration, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	if len(entries) == 0 || len(entries) > maxMigrations {
		return nil, fmt.Errorf("read the migrations: %d files in %s", len(entries), dir)
	}
	var list []migration
	for _, e := range entries {
		m, err := readMigration(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read migration %s: %w", e.Name(), err)
		}
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b migration) int { return cmp.Compare(a.number, b.number) })
	for i := 1; i < len(list); i++ {
		a, b := list[i-1], list[i]
		if a.number == b.number {
			return nil, fmt.Errorf("migrations %s and %s have the same number", a.file, b.file)
		}
		if a.change && !b.change {
			return nil, fmt.Errorf("migration %s expands after %s has switched", b.file, a.file)
		}
	}
	return list, nil
}

func readMigration(path string) (migration, error) {
	m := migration{file: filepath.Base(path)}
	parts := migrationName.FindStringSubmatch(m.file)
	if parts == nil {
		return m, fmt.Errorf("the name is not <number>_expand_<what>.sql or <number>_switch_<what>.sql")
	}
	n, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || n == 0 {
		return m, fmt.Errorf("%s is no number from 1", parts[1])
	}
	m.number, m.change = n, parts[2] == "switch"
	data, err := readText(path)
	if err != nil {
		return m, err
	}
	m.alone = noTransaction.MatchString(data)
	if found := builtIndex.FindStringSubmatch(upPart(data)); m.alone && found != nil {
		m.index = strings.ToLower(found[1])
	}
	return m, nil
}

// readText reads a file of bounded size.
func readText(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // read only
	data, err := io.ReadAll(io.LimitReader(f, maxMigrationFile+1))
	if err == nil && len(data) > maxMigrationFile {
		err = fmt.Errorf("larger than %d bytes", maxMigrationFile)
	}
	return string(data), err
}

// upPart is what of a migration's text is run on the way to the new release.
func upPart(text string) string {
	if at := downPart.FindStringIndex(text); at != nil {
		return text[:at[0]]
	}
	return text
}

// countApplied returns how many of the folder's migrations are applied. The applied ones
// must be the first of the folder, without a gap, and none may be beyond the
// folder's last: goose would apply nothing, and say nothing, otherwise.
func countApplied(list []migration, applied []int64) (int, error) {
	first := list[0].number
	n := 0
	for _, number := range applied {
		if number < first {
			continue // an earlier jump's
		}
		if n >= len(list) {
			return 0, fmt.Errorf("migration %d is applied in the database, which is beyond the last of this bundle (%s)", number, list[len(list)-1].file)
		}
		switch m := list[n]; {
		case number > m.number:
			return 0, fmt.Errorf("migration %s is not applied in the database, but the later %d is", m.file, number)
		case number < m.number:
			return 0, fmt.Errorf("migration %d is applied in the database, but not in this bundle (its next is %s)", number, m.file)
		}
		n++
	}
	return n, nil
}
