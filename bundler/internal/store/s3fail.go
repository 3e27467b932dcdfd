package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/s3client"
	"onerpm/bundler/internal/stall"
)

// connect makes the client. Each request is tried Retries times again by the SDK, with a pause
// that grows; a request on which nothing moves for a while is over.
func (b *bucket) connect(ctx context.Context) error {
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: min(b.o.Stall, 10*time.Second)}).DialContext,
		TLSHandshakeTimeout: min(b.o.Stall, 10*time.Second),
		IdleConnTimeout:     time.Minute,
		MaxIdleConnsPerHost: 2 * b.o.Parallel,
		ForceAttemptHTTP2:   true,
		DisableCompression:  true, // digests are of the bytes as they are sent
	}
	wrap := func(base *http.Transport) *http.Client {
		// To copy or to put parts together the server reads and writes the whole file before it answers.
		slow := &http.Client{Transport: &stall.Transport{Base: base, After: 20 * b.o.Stall}, CheckRedirect: s3client.NoRedirect}
		b.patient = func(o *s3.Options) { o.HTTPClient = slow }
		return &http.Client{Transport: &stall.Transport{Base: base, After: b.o.Stall}}
	}
	var err error
	b.api, err = s3client.New(ctx, transport, wrap, b.retryer, b.o.AWS...)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("open %s: %w", b, context.Cause(ctx))
	}
	if err != nil {
		return exit.With(exit.Store, err, s3client.Hint)
	}
	if b.base, err = b.publicBase(ctx); err != nil {
		return err
	}
	return b.checkAccess(ctx)
}

func (b *bucket) retryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = b.o.Retries + 1
		o.RateLimiter = ratelimit.None // a run is short: what counts is that it gets through
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) { return b.pause(attempt), nil })
		o.Retryables = append([]retry.IsErrorRetryable{retry.NoRetryCanceledError{}, retry.IsErrorRetryableFunc(passing)}, o.Retryables...)
	})
}

// pause is how long to wait after failure n (from 0), with chance in it so that not all come back at once.
func (b *bucket) pause(n int) time.Duration {
	d := b.o.Backoff << min(n, 10)
	return min(d/2+rand.N(d/2+1), 20*time.Second)
}

// passing says of failures that the SDK does not know whether they may be gone at the next try.
func passing(err error) aws.Ternary {
	var cert *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	var dns *net.DNSError
	switch {
	case errors.As(err, &cert), errors.As(err, &unknown), errors.As(err, &record), errors.As(err, &dns) && dns.IsNotFound:
		return aws.FalseTernary
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, stall.Err):
		return aws.TrueTernary
	}
	var answer *s3client.Answer
	var broken *smithy.DeserializationError // an answer that was cut or damaged
	if !errors.As(s3client.Plain(err), &answer) || answer.Status < 300 {
		var sending interface{ ConnectionError() bool }
		return yes(errors.As(err, &sending) && sending.ConnectionError() || errors.As(err, &broken))
	}
	switch answer.Code { // damaged on the way there
	case "BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "IncompleteBody", "OperationAborted":
		return aws.TrueTernary
	}
	return yes(answer.Status == http.StatusTooManyRequests || answer.Status == http.StatusRequestTimeout ||
		answer.Status >= 500 && answer.Status != http.StatusNotImplemented)
}

// yes leaves it to the SDK when it is not.
func yes(b bool) aws.Ternary {
	if b {
		return aws.TrueTernary
	}
	return aws.UnknownTernary
}

// code is what S3 calls an error; "" when it is none of S3's.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// isAbsent reports whether nothing has that name: an answer to HEAD has no body that says what is missing.
func isAbsent(err error) bool {
	c := code(err)
	return c == "NotFound" || c == "NoSuchKey"
}

// unmet reports whether a conditional request was refused for its condition.
func unmet(err error) bool {
	switch code(err) {
	case "PreconditionFailed", "ConditionalRequestConflict":
		return true
	case "NoSuchKey": // If-Match where nothing is
		return true
	}
	return false
}

// fail says what was being done, why it failed and what to do about it.
func (b *bucket) fail(ctx context.Context, what, name string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s %s: %w", what, b.in(name), context.Cause(ctx))
	}
	if isAbsent(err) {
		err = ErrNotExist
	}
	hint, plain := hintFor(err), s3client.Plain(err)
	var many *retry.MaxAttemptsError
	if errors.As(err, &many) {
		plain = fmt.Errorf("tried %d times: %w", many.Attempt, plain)
	}
	return failed(fmt.Errorf("%s %s: %w", what, b.in(name), plain), hint)
}

func (b *bucket) in(name string) string {
	return strings.TrimSuffix("s3://"+b.name+"/"+b.prefix+name, "/")
}

// rights are what the account must be allowed to do.
const rights = "s3:ListBucket, GetObject, PutObject, DeleteObject, ListBucketMultipartUploads, ListMultipartUploadParts and AbortMultipartUpload"

func hintFor(err error) string {
	var answer *s3client.Answer
	var dns *net.DNSError
	var op *net.OpError
	var cert *tls.CertificateVerificationError
	if !errors.As(s3client.Plain(err), &answer) {
		switch {
		case errors.As(err, &cert):
			return "add the server's certificate authority to this machine, or name it in AWS_CA_BUNDLE"
		case errors.As(err, &dns), errors.As(err, &op):
			return "check the network, proxy settings, AWS_REGION and AWS_ENDPOINT_URL"
		}
		return "run the same command again; it resumes where it stopped"
	}
	switch answer.Code {
	case "NoSuchBucket":
		return "create the bucket, or correct the address"
	case "ExpiredToken", "TokenRefreshRequired", "RequestExpired", "ExpiredTokenException":
		return "the credentials have expired: get new ones, then run the same command again; it resumes where it stopped"
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "XAdminUserNotFound": // the last is versitygw's
		return "check the credentials: AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
	case "RequestTimeTooSkewed":
		return "set this machine's clock"
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return "set AWS_REGION to the bucket's region"
	case "NotImplemented":
		return "use a store with conditional writes and checksums: docs/publishing.md, What a store must do"
	}
	switch {
	case answer.Status == http.StatusForbidden, answer.Status == http.StatusUnauthorized:
		return "check the credentials (AWS_PROFILE), and that they allow " + rights
	case answer.Status >= 500:
		return "the store has trouble of its own: run the same command again later; it resumes where it stopped"
	case answer.Status >= 300 && answer.Status < 400:
		return "set AWS_REGION to the bucket's region"
	}
	return "look at what the server says, then run the same command again; it resumes where it stopped"
}
