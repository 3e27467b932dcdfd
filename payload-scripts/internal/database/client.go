package database

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ClientEnv leads PostgreSQL's programs to the database. The password is in the file pass.
func (db *DB) ClientEnv(pass string) []string {
	return []string{
		"PGPASSFILE=" + pass, "PGHOST=" + db.to.Host, "PGPORT=" + strconv.Itoa(int(db.to.Port)),
		"PGUSER=" + db.to.User, "PGDATABASE=" + db.to.Database, "PGAPPNAME=" + db.Name, "PGCONNECT_TIMEOUT=10",
	}
}

// PassPattern is how the files of PassFile are named.
const PassPattern = ".pgpass.*"

// PassFile writes the password where only root can read it.
func (db *DB) PassFile(dir string) (string, error) {
	f, err := os.CreateTemp(dir, PassPattern) // 0600
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
