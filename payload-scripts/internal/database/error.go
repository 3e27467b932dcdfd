package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// serverError is PostgreSQL's answer without what could hold rows of the
// product: DETAIL and WHERE are left out, and so are the texts of data exceptions
// (class 22), which quote the offending value.
type serverError struct{ pg *pgconn.PgError }

// Explain makes an error fit to be shown. Other errors pass unchanged.
func Explain(err error) error {
	var done *serverError
	var pg *pgconn.PgError
	if errors.As(err, &done) || !errors.As(err, &pg) {
		return err
	}
	return &serverError{pg}
}

func (e *serverError) Error() string {
	text := e.pg.Message
	if strings.HasPrefix(e.pg.Code, "22") {
		text = "a value does not fit (PostgreSQL's own log shows it)"
	}
	var at []string
	for _, part := range [][2]string{{"table", e.pg.TableName}, {"column", e.pg.ColumnName}, {"constraint", e.pg.ConstraintName}} {
		if part[1] != "" && !strings.Contains(text, part[1]) {
			at = append(at, part[0]+" "+part[1])
		}
	}
	if len(at) > 0 {
		text += " (" + strings.Join(at, ", ") + ")"
	}
	return fmt.Sprintf("SQLSTATE %s: %s", e.pg.Code, text)
}

func (e *serverError) Unwrap() error { return e.pg }

// Code returns the SQLSTATE, "" when PostgreSQL did not answer.
func Code(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// Contended reports whether the statement only lost against another session and
// may be tried again: lock_not_available, deadlock_detected, serialization_failure.
func Contended(err error) bool {
	switch Code(err) {
	case "55P03", "40P01", "40001":
		return true
	}
	return false
}

// Refused reports whether the server, which is there, said no: also that something lasted too long, or that it has no room.
func Refused(err error) bool { return Code(err) != "" && !Lost(err) }

// Lost reports whether the session is gone, so that nothing is known of what it
// did last: admin_shutdown, crash_shutdown, cannot_connect_now,
// too_many_connections, class 08, or a connection that broke or was not made in time.
func Lost(err error) bool {
	var connect *pgconn.ConnectError
	switch c := Code(err); {
	case err == nil || errors.Is(err, context.Canceled):
		return false
	case c != "":
		return strings.HasPrefix(c, "57P") || strings.HasPrefix(c, "08") || c == "53300"
	case errors.As(err, &connect):
		return true // connecting has a limit of its own, which is DeadlineExceeded too
	case errors.Is(err, context.DeadlineExceeded):
		return false
	}
	var network *net.OpError // not net.Error: every file that is not there is one, by its syscall.Errno
	return errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
