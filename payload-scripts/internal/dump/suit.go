package dump

import (
	"context"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/programs"
)

// suit returns SQL of pg_dump as its target takes it. What is between COPY and its end, in strings and in bodies of functions is
// data, and stays. At a line that would lead psql away from the database it ends with an *UnfitError.
// Closing it ends the work.
func suit(sql io.Reader, to target) io.ReadCloser {
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(to.copy(w, sql)) }()
	return r
}

// settings are those that pg_dump and pg_restore of some version write and servers of another do not know: from 17 on,
// from 9.6, from 12, before 12, from 9.5. None says anything about what is dumped.
var settings = []string{"transaction_timeout", "idle_in_transaction_session_timeout", "default_table_access_method", "default_with_oids", "row_security"}

// target is what the SQL of a dump is to suit.
type target struct {
	server   int64    // server_version_num
	settings []string // that the server does not know
	restrict bool     // psql does not know \restrict
}

// targetOf asks the server and psql what they know.
func targetOf(ctx context.Context, db *database.DB, psql string) (to target, err error) {
	if to.server, err = db.Count(ctx, "SELECT current_setting('server_version_num')"); err != nil {
		return to, err
	}
	to.settings, err = db.Names(ctx, "SELECT unnest(ARRAY['"+strings.Join(settings, "', '")+"']) EXCEPT SELECT name FROM pg_settings")
	if err != nil {
		return to, err
	}
	said, err := programs.Run(ctx, programs.Cmd{Name: psql, Args: []string{"--version"}, Timeout: 10 * time.Second})
	if err != nil {
		return to, err
	}
	to.restrict = !knowsRestrict(said.Stdout)
	return to, nil
}

var psqlNumber = regexp.MustCompile(`^psql \(PostgreSQL\) ([0-9]+)(?:\.([0-9]+))?`)

// knowsRestrict tells by `psql --version` whether psql has \restrict, which pg_dump writes from the releases of August 2025 on.
func knowsRestrict(version string) bool {
	number := psqlNumber.FindStringSubmatch(version)
	if number == nil {
		return false
	}
	major, _ := strconv.Atoi(number[1])
	minor, _ := strconv.Atoi(number[2])
	first := map[int]int{13: 22, 14: 19, 15: 14, 16: 10, 17: 6}
	since, ok := first[major]
	return major > 17 || ok && minor >= since
}
