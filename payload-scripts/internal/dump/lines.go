package dump

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"onerpm/payload-scripts/internal/database"
)

// bufferSize is more than the lines have that are changed; of longer ones parts are copied.
const bufferSize = 64 << 10

func (to target) copy(w io.Writer, sql io.Reader) error {
	in, out := bufio.NewReaderSize(sql, bufferSize), bufio.NewWriterSize(w, bufferSize)
	s := suiting{target: to, patterns: newPatterns(), begins: true}
	for {
		text, err := in.ReadSlice('\n')
		part := errors.Is(err, bufio.ErrBufferFull)
		if err != nil && !part && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the dump: %w", err)
		}
		text, suitErr := s.next(text, !part)
		if suitErr != nil {
			return suitErr
		}
		if _, err := out.Write(text); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			return out.Flush()
		}
	}
}

// suiting is where in a dump it stands.
type suiting struct {
	target
	patterns
	quotes   quotes
	begins   bool // a line
	data     bool // between COPY and its end
	leaving  bool // a statement out
	sequence bool // the line before was CREATE SEQUENCE
	line     int
}

// next returns what becomes of a line, or of a part of a long one.
func (s *suiting) next(text []byte, whole bool) ([]byte, error) {
	begins := s.begins
	s.begins = whole
	if begins {
		s.line++
	}
	t := bytes.TrimRight(text, "\r\n")
	if s.data {
		s.data = !begins || !whole || string(t) != `\.`
		return text, nil
	}
	outside := begins && whole && s.quotes.in == 0 && !s.leaving
	if outside && s.restricts.Match(t) {
		if s.restrict {
			return nil, nil
		}
		return text, nil
	}
	s.quotes.read(text)
	if outside {
		switch {
		case bytes.HasPrefix(t, []byte("COPY ")) && bytes.HasSuffix(t, []byte("FROM stdin;")):
			s.data = true
			return text, nil
		case s.foreign.Match(t):
			return nil, &UnfitError{fmt.Errorf("line %d leaves the database or is for psql alone: %s", s.line, database.Short(string(t))),
				"make the dump with pg_dump, without --create"}
		case s.quotes.in == 0 && s.drops(string(t)):
			return nil, nil
		}
		s.leaving = s.left.Match(t)
	}
	if s.leaving {
		s.leaving = s.quotes.in != 0 || !bytes.HasSuffix(t, []byte(";"))
		return nil, nil
	}
	s.sequence = outside && bytes.HasPrefix(t, []byte("CREATE SEQUENCE "))
	if outside && s.server < 110000 && bytes.HasPrefix(t, []byte("CREATE ")) {
		text = s.trigger.ReplaceAll(text, []byte("${1}PROCEDURE$2"))
	}
	return text, nil
}

// patterns tell lines that are changed, by how they begin.
type patterns struct {
	// restricts keep commands of psql out of what follows.
	restricts *regexp.Regexp

	// foreign lines lead psql away from the database, or are commands of psql's own.
	foreign *regexp.Regexp

	// left are statements about what is the server's and not the database's own: only a superuser may say them, or they name
	// roles and databases of where the dump was made. pg_dump writes comments on plpgsql and on databases before 11, rights in the
	// schema public at 9.5 and from 15 on, its owner from 15 on. Statistics (18 and later) are gathered anew.
	left *regexp.Regexp

	// trigger is how servers from 12 on tell a trigger; before 11 they do not understand it.
	trigger *regexp.Regexp
}

func newPatterns() patterns {
	return patterns{
		restricts: regexp.MustCompile(`^\\(un)?restrict `),
		foreign:   regexp.MustCompile(`^(\\|(CREATE|ALTER|DROP) DATABASE )`),
		left: regexp.MustCompile(`^(COMMENT ON EXTENSION plpgsql |COMMENT ON DATABASE |COMMENT ON SCHEMA public |CREATE SCHEMA public;|ALTER SCHEMA public OWNER ` +
			`|(GRANT|REVOKE) .* ON SCHEMA public |SELECT \* FROM pg_catalog\.pg_restore_(relation|attribute)_stats\()`),
		trigger: regexp.MustCompile(`^(CREATE (?:CONSTRAINT )?TRIGGER .* EXECUTE )FUNCTION( .*)`),
	}
}

// drops tells whether a line outside of data is one that the server or psql would refuse.
func (s *suiting) drops(t string) bool {
	if s.sequence && s.server < 100000 && strings.HasPrefix(t, "    AS ") { // there every sequence is bigint
		return true
	}
	for _, name := range s.settings {
		if value, ok := strings.CutPrefix(t, "SET "+name+" = "); ok && strings.IndexByte(value, ';') == len(value)-1 {
			return true
		}
	}
	return false
}
