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

// explain makes an error fit to be shown. Other errors pass unchanged.
func explain(err error) error {
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

// code returns the SQLSTATE, "" when PostgreSQL did not answer.
func code(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// contended tells whether the statement only lost against another session and
// may be tried again: lock_not_available, deadlock_detected, serialization_failure.
func contended(err error) bool {
	switch code(err) {
	case "55P03", "40P01", "40001":
		return true
	}
	return false
}

// lost tells whether the session is gone, so that nothing is known of what it
// did last: admin_shutdown, crash_shutdown, cannot_connect_now,
// too_many_connections, class 08, or a connection that broke.
func lost(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if c := code(err); c != "" {
		return strings.HasPrefix(c, "57P") || strings.HasPrefix(c, "08") || c == "53300"
	}
	var network net.Error
	var connect *pgconn.ConnectError
	return errors.As(err, &network) || errors.As(err, &connect) || pgconn.SafeToRetry(err) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// MigrationError is a migration that did not happen, with what did.
type MigrationError struct {
	File      string   // its name
	Down      bool     // it was taken back, not applied
	Statement int      // which statement of that direction failed, from 1; 0 when it was none of them
	Text      string   // that statement, cut short; our own text, no data
	Kept      bool     // it runs outside a transaction: something of it may be there until the next run clears it
	Did       []string // files that were done before it in this run
	Err       error
}

func (e *MigrationError) Error() string {
	var b strings.Builder
	verb := "apply"
	if e.Down {
		verb = "take back"
	}
	fmt.Fprintf(&b, "%s migration %s", verb, e.File)
	if e.Statement > 0 {
		fmt.Fprintf(&b, ", statement %d (%s)", e.Statement, e.Text)
	}
	fmt.Fprintf(&b, ": %v; ", e.Err)
	switch {
	case lost(e.Err) || errors.Is(e.Err, context.Canceled) || errors.Is(e.Err, context.DeadlineExceeded):
		b.WriteString("the session ended, so this file may have been done or not, the next run sees which; ")
	case e.Kept:
		b.WriteString("an unfinished index of it may be left, which the next run drops; ")
	default:
		b.WriteString("nothing of this file was kept; ")
	}
	switch n := len(e.Did); n {
	case 0:
		b.WriteString("no other file was done before it in this run")
	case 1:
		fmt.Fprintf(&b, "done before it in this run: %s", e.Did[0])
	default:
		fmt.Fprintf(&b, "done before it in this run: %d files, %s to %s", n, e.Did[0], e.Did[n-1])
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *MigrationError) Unwrap() error { return e.Err }
