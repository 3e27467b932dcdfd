package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/stall"
)

// passing reports whether a failure may be gone at the next try.
func passing(err error) bool {
	var status *statusError
	if errors.As(err, &status) {
		return status.code >= 500 && status.code != http.StatusNotImplemented && status.code != http.StatusHTTPVersionNotSupported ||
			status.code == http.StatusRequestTimeout || status.code == http.StatusTooManyRequests
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return !dns.IsNotFound
	}
	var coded *exit.Error
	var path *fs.PathError
	var cert *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	return !isMismatch(err) && !errors.Is(err, context.Canceled) && !errors.As(err, &coded) && !errors.As(err, &path) &&
		!errors.As(err, &cert) && !errors.As(err, &unknown) && !errors.As(err, &record)
}

// sleep waits, or returns why ctx ended.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// delay is how long to wait before try n (from 1): doubled each time, with some
// chance in it so that parallel downloads do not all come back at once.
func (o Options) delay(n int, err error) time.Duration {
	d := o.Backoff << min(n-1, 10)
	d += rand.N(d/4 + 1)
	var status *statusError
	if errors.As(err, &status) {
		d = max(d, status.retryAfter)
	}
	return d
}

// downHosts remembers hosts that could not be reached, so that with a dead network
// the waiting is done once, not for every item.
type downHosts struct {
	mu   sync.Mutex
	errs map[string]error
}

func (d *downHosts) get(host string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.errs[host]
}

// note takes down that host did not even accept a connection, or never said a thing.
func (d *downHosts) note(host string, err error) {
	var op *net.OpError
	if !errors.Is(err, stall.Err) && (!errors.As(err, &op) || op.Op != "dial") {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.errs == nil {
		d.errs = map[string]error{}
	}
	d.errs[host] = err
}

// explain gives a failure to get something from a place its exit code and what to do.
func explain(p place, err error) error {
	var coded *exit.Error
	if errors.As(err, &coded) || isMismatch(err) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", p, err)
	}
	hint := "check the network and the address, then run the same command again; it resumes where it stopped"
	var status *statusError
	var op *net.OpError
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &status) && (status.code == http.StatusNotFound || status.code == http.StatusGone):
		hint = "correct its source in the release, or put the file there"
	case errors.As(err, &status) && (status.code == http.StatusForbidden || status.code == http.StatusUnauthorized):
		hint = "check the credentials for this source, and that the file is there: some servers answer so when it is not"
	case errors.As(err, &status) && status.code < 500:
		hint = "correct its source in the release"
	case errors.As(err, &cert):
		hint = "add the server's certificate authority to this machine, or use http://: the digest in the release is what is trusted"
	case errors.As(err, &dns), errors.As(err, &op):
		hint = "check the network, proxy settings and the host's name; --offline takes only what is cached or in a folder"
	}
	return exit.With(exit.Missing, fmt.Errorf("%s: %w", p, err), hint)
}
