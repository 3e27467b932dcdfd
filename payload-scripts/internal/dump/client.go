package dump

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/programs"
)

var dumpNumber = regexp.MustCompile(`^([0-9]+)(\.[0-9]+)?`)

// Folders are where PostgreSQL's packages put pg_dump, besides the usual path.
var Folders = []string{"/usr/pgsql-*/bin", "/usr/lib/postgresql/*/bin", "/usr/bin", "/usr/local/bin"}

// Client finds the folder of a pg_dump that is not older than the server, the oldest
// such: an older one refuses. The spec can name more folders.
func Client(ctx context.Context, db *database.DB) (string, error) {
	server, err := db.Count(ctx, "SELECT current_setting('server_version_num')")
	if err != nil {
		return "", err
	}
	return Oldest(ctx, db.Spec, major(server))
}

// Oldest finds the folder of the oldest pg_dump that is not older than a version of PostgreSQL.
func Oldest(ctx context.Context, spec manifest.Database, need float64) (string, error) {
	found, seen, err := installed(ctx, spec)
	if err != nil {
		return "", err
	}
	best := -1
	for i, c := range found {
		if c.version >= need && (best < 0 || c.version < found[best].version) {
			best = i
		}
	}
	if best < 0 {
		return "", fmt.Errorf("no pg_dump for PostgreSQL %v or later with pg_restore beside it; %s", need, seen)
	}
	return found[best].folder, nil
}

// newest finds the folder of the newest pg_restore: it reads the archives of all before it.
func newest(ctx context.Context, spec manifest.Database) (string, error) {
	found, seen, err := installed(ctx, spec)
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", fmt.Errorf("no pg_restore with pg_dump beside it; %s", seen)
	}
	return slices.MaxFunc(found, func(a, b client) int { return cmp.Compare(a.version, b.version) }).folder, nil
}

// client is a folder of PostgreSQL's client programs.
type client struct {
	folder  string
	version float64
}

// installed finds all of them; seen tells people where it looked and what was there.
func installed(ctx context.Context, spec manifest.Database) (found []client, seen string, err error) {
	var there []string
	folders := slices.Concat(spec.Programs, Folders)
	for _, pattern := range folders {
		dirs, err := filepath.Glob(pattern)
		if err != nil {
			return nil, "", fmt.Errorf("look for pg_dump in %s: %w", pattern, err)
		}
		for _, dir := range dirs {
			v, err := dumpVersion(ctx, dir)
			switch {
			case errors.Is(err, os.ErrNotExist):
				continue
			case err != nil:
				there = append(there, fmt.Sprintf("%s (%v)", dir, err))
				continue
			}
			there = append(there, fmt.Sprintf("%s (%v)", dir, v))
			found = append(found, client{dir, v})
		}
	}
	if len(there) == 0 {
		there = []string{"none"}
	}
	return found, fmt.Sprintf("looked in %s; found: %s", strings.Join(folders, ", "), strings.Join(there, ", ")), nil
}

// major turns server_version_num into the version that decides: 9.5 or 15.
func major(num int64) float64 {
	if num < 100000 {
		return float64(num/10000) + float64(num/100%100)/10
	}
	return float64(num / 10000)
}

// dumpVersion asks the pg_dump of a folder which PostgreSQL it is of. It is ErrNotExist
// where one of the programs is not there.
func dumpVersion(ctx context.Context, dir string) (float64, error) {
	for _, name := range []string{"pg_dump", "pg_restore"} {
		if err := trusted(filepath.Join(dir, name)); err != nil {
			return 0, err
		}
	}
	res, err := programs.Run(ctx, programs.Cmd{Name: filepath.Join(dir, "pg_dump"), Args: []string{"--version"}, Timeout: 10 * time.Second})
	if err != nil {
		return 0, err
	}
	v, ok := parseDumpVersion(res.Stdout)
	if !ok {
		return 0, fmt.Errorf("pg_dump --version says %q", database.Short(res.Stdout))
	}
	return v, nil
}

// trusted tells whether nobody but root, or the user that we are, can put something else
// in a program's place.
func trusted(program string) error {
	real, err := filepath.EvalSymlinks(program)
	if err != nil {
		return err
	}
	for _, path := range []string{real, filepath.Dir(real), filepath.Dir(program)} {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if owner := info.Sys().(*syscall.Stat_t).Uid; owner != 0 && int(owner) != os.Getuid() || info.Mode()&0o022 != 0 {
			return fmt.Errorf("others than root can change %s", path)
		}
	}
	return nil
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

// program runs one of PostgreSQL's programs, of a version that suits the server, on the database.
func program(ctx context.Context, db *database.DB, name string, timeout time.Duration, args ...string) error {
	bin, err := Client(ctx, db)
	if err != nil {
		return err
	}
	return connected(ctx, db, programs.Cmd{Name: filepath.Join(bin, name), Args: args, Timeout: timeout})
}

// connected runs a program with the address and the password of the database.
func connected(ctx context.Context, db *database.DB, c programs.Cmd) error {
	dir, err := os.MkdirTemp("", "pgpass-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	pass, err := db.PassFile(dir)
	if err != nil {
		return err
	}
	c.Env, c.Scope = db.ClientEnv(pass), true // a killed engine's dump would read on beside the next one's
	_, err = programs.Run(ctx, c)
	return err
}
