package dump

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/programs"
)

// settings are those that pg_dump and pg_restore of some version write and servers of another do not know: from 17 on,
// from 9.6, from 12, before 12, from 9.5. None says anything about what is dumped.
var settings = []string{"transaction_timeout", "idle_in_transaction_session_timeout", "default_table_access_method", "default_with_oids", "row_security"}

// dropped are lines of SQL that the server or psql would refuse.
type dropped struct {
	settings []string
	restrict bool // psql does not know \restrict
}

// unknown asks the server and psql what they know.
func unknown(ctx context.Context, db *database.DB, psql string) (d dropped, err error) {
	for _, name := range settings {
		known, err := db.Count(ctx, "SELECT count(*) FROM pg_settings WHERE name = '"+name+"'")
		if err != nil {
			return d, err
		}
		if known == 0 {
			d.settings = append(d.settings, name)
		}
	}
	said, err := programs.Run(ctx, programs.Cmd{Name: psql, Args: []string{"--version"}, Timeout: 10 * time.Second})
	if err != nil {
		return d, err
	}
	d.restrict = !knowsRestrict(said.Stdout)
	return d, nil
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

// suit returns SQL of pg_dump without the lines that are dropped. What is between COPY and its end is data, and stays.
// Closing it ends the work.
func suit(sql io.Reader, d dropped) io.ReadCloser {
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(d.copy(w, sql)) }()
	return r
}

// bufferSize is more than the lines have that are dropped; of longer ones parts are copied.
const bufferSize = 64 << 10

func (d dropped) copy(w io.Writer, sql io.Reader) error {
	in, out := bufio.NewReaderSize(sql, bufferSize), bufio.NewWriterSize(w, bufferSize)
	data, begins := false, true
	for {
		text, err := in.ReadSlice('\n')
		whole := begins && !errors.Is(err, bufio.ErrBufferFull)
		keep := true
		if whole {
			switch t := bytes.TrimRight(text, "\r\n"); {
			case data:
				data = string(t) != `\.`
			case bytes.HasPrefix(t, []byte("COPY ")) && bytes.HasSuffix(t, []byte("FROM stdin;")):
				data = true
			default:
				keep = !d.drops(string(t))
			}
		}
		begins = !errors.Is(err, bufio.ErrBufferFull)
		if keep {
			if _, err := out.Write(text); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return out.Flush()
		case err != nil && begins:
			return fmt.Errorf("read the dump: %w", err)
		}
	}
}

func (d dropped) drops(text string) bool {
	if strings.HasPrefix(text, `\`) {
		return d.restrict && (strings.HasPrefix(text, `\restrict `) || strings.HasPrefix(text, `\unrestrict `))
	}
	for _, name := range d.settings {
		if value, ok := strings.CutPrefix(text, "SET "+name+" = "); ok && strings.IndexByte(value, ';') == len(value)-1 {
			return true
		}
	}
	return false
}
