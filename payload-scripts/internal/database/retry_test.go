package database

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"onerpm/test/product/testbed"
)

var (
	errContended = &pgconn.PgError{Code: "55P03", Message: "canceling statement due to lock timeout"}
	errShutdown  = &pgconn.PgError{Code: "57P01", Message: "terminating connection"}
	errStarting  = &pgconn.PgError{Code: "57P03", Message: "the database system is starting up"}
	errOther     = errors.New("no such table")
)

// tries is work that ends with one error after the other, then well.
func tries(errs ...error) (work func() error, count *int) {
	n := 0
	return func() error {
		if n++; n <= len(errs) {
			return errs[n-1]
		}
		return nil
	}, &n
}

func TestRetry(t *testing.T) {
	t.Parallel()
	db := attempt(testbed.New(t))
	p := Patience{Tries: 3, First: time.Millisecond, Most: time.Millisecond}
	for name, c := range map[string]struct {
		errs []error
		want error
		runs int
	}{
		"at once":           {nil, nil, 1},
		"the third time":    {[]error{errContended, errContended}, nil, 3},
		"never":             {[]error{errContended, errContended, errContended}, errContended, 3},
		"another reason":    {[]error{errContended, errOther}, errOther, 2},
		"a lost session":    {[]error{errShutdown}, errShutdown, 1},
		"explained already": {[]error{Explain(errContended)}, nil, 2},
	} {
		work, runs := tries(c.errs...)
		err := db.Retry(context.Background(), p, work)
		if !errors.Is(err, c.want) || *runs != c.runs {
			t.Errorf("%s: %v after %d runs", name, err, *runs)
		}
		if name == "never" && !strings.Contains(err.Error(), "tried 3 times") {
			t.Errorf("error %v", err)
		}
	}
}

func TestOutlast(t *testing.T) {
	t.Parallel()
	db := attempt(testbed.New(t))
	for name, c := range map[string]struct {
		errs  []error
		limit time.Duration
		want  error
		runs  int
	}{
		"at once":                  {nil, time.Hour, nil, 1},
		"comes back":               {[]error{errShutdown, errStarting}, time.Hour, nil, 3},
		"a broken connection":      {[]error{io.ErrUnexpectedEOF}, time.Hour, nil, 2},
		"not back in time":         {[]error{errStarting, errStarting}, 0, errStarting, 1},
		"lost, then another cause": {[]error{errShutdown, errOther}, time.Hour, errOther, 2},
		"contended":                {[]error{errContended}, time.Hour, errContended, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			work, runs := tries(c.errs...)
			err := db.RetryLost(context.Background(), c.limit, work)
			if !errors.Is(err, c.want) || *runs != c.runs {
				t.Errorf("%v after %d runs", err, *runs)
			}
			if c.limit == 0 && !strings.Contains(err.Error(), "not back within") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestStopsWaitingWhenCancelled: the admin's wish to go back ends every pause.
func TestStopsWaitingWhenCancelled(t *testing.T) {
	t.Parallel()
	db := attempt(testbed.New(t))
	for name, wait := range map[string]func(context.Context, func() error) error{
		"retry": func(ctx context.Context, work func() error) error {
			return db.Retry(ctx, Patience{Tries: 9, First: time.Hour, Most: time.Hour}, work)
		},
		"outlast": func(ctx context.Context, work func() error) error { return db.RetryLost(ctx, time.Hour, work) },
	} {
		ctx, cancel := context.WithCancel(context.Background())
		err := wait(ctx, func() error {
			time.AfterFunc(time.Millisecond, cancel)
			if name == "retry" {
				return errContended
			}
			return errShutdown
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOutlastEndsWhatWasLost(t *testing.T) {
	t.Parallel()
	tb := testbed.New(t)
	db := attempt(tb)
	lost, err := db.Pool.Conn(context.Background()) // a session that the server still has
	must(t, err)
	defer lost.Close()
	var pid int
	must(t, lost.QueryRowContext(context.Background(), "SELECT pg_backend_pid()").Scan(&pid))
	first := true
	must(t, db.RetryLost(context.Background(), time.Hour, func() error {
		if first {
			first = false
			return fmt.Errorf("read: %w", io.ErrUnexpectedEOF)
		}
		tb.Want(fmt.Sprintf("SELECT count(*) FROM pg_stat_activity WHERE pid = %d", pid), "0")
		return nil
	}))
}

func TestWhatIsLost(t *testing.T) {
	t.Parallel()
	_, refused := net.Dial("tcp", "127.0.0.1:1")
	_, missing := os.Open("/nowhere")
	for _, c := range []struct {
		err  error
		lost bool
	}{
		{nil, false},
		{errShutdown, true},
		{&pgconn.PgError{Code: "57P02"}, true},
		{errStarting, true},
		{&pgconn.PgError{Code: "08006"}, true},
		{&pgconn.PgError{Code: "53300"}, true},
		{&pgconn.PgError{Code: "57014"}, false}, // a statement over its limit
		{&pgconn.PgError{Code: "53100"}, false}, // the disk is full
		{&pgconn.PgError{Code: "42P01"}, false},
		{errContended, false},
		{Explain(errShutdown), true},
		{context.Canceled, false},
		{fmt.Errorf("query: %w", context.DeadlineExceeded), false},
		{io.EOF, true},
		{refused, true},
		{fmt.Errorf("read the migrations: %w", missing), false},
		{errOther, false},
	} {
		if got := Lost(c.err); got != c.lost {
			t.Errorf("%v: lost %v", c.err, got)
		}
	}
}
