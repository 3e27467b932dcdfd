// Package s3client makes S3 clients as the environment describes them: credentials,
// region, profile and endpoint come from AWS_ variables and ~/.aws, as with every
// program that uses S3. It also reads what such a client's errors say.
package s3client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
)

// Hint says what to do about an error of New.
const Hint = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_REGION; AWS_ENDPOINT_URL for a store that is not Amazon's"

// New makes a client. What is in o goes before the environment. Its connections are base's, or, where AWS_CA_BUNDLE or
// the profile names certificate authorities, those of a copy that trusts them; wrap makes the HTTP client of them.
func New(ctx context.Context, base *http.Transport, wrap func(*http.Transport) *http.Client, retryer func() aws.Retryer, o ...func(*config.LoadOptions) error) (*s3.Client, error) {
	all := append([]func(*config.LoadOptions) error{
		config.WithRetryer(retryer),
		config.WithLogger(logging.Nop{}), // what matters is in errors
		config.WithResponseChecksumValidation(aws.ResponseChecksumValidationWhenRequired),
	}, o...)
	cfg, err := config.LoadDefaultConfig(ctx, all...)
	if err != nil {
		return nil, fmt.Errorf("read the AWS configuration: %w", err)
	}
	// The SDK puts the authorities into a client of its own kind only.
	if own, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok {
		if tls := own.GetTransport().TLSClientConfig; tls != nil && tls.RootCAs != nil {
			base = base.Clone()
			base.TLSClientConfig = tls
		}
	}
	client := wrap(base)
	client.CheckRedirect = NoRedirect
	cfg.HTTPClient = client
	if cfg.Region == "" {
		cfg.Region = "us-east-1"
	}
	retrieving, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if _, err := cfg.Credentials.Retrieve(retrieving); err != nil {
		return nil, fmt.Errorf("no credentials for S3: %w", err)
	}
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = o.BaseEndpoint != nil // stores of one's own seldom have a host name for each bucket
		o.DisableLogOutputChecksumValidationSkipped = true
	}), nil
}

// NoRedirect is for http.Client.CheckRedirect: a signed request is for one host, and one that
// writes must not become one that reads. That the server leads elsewhere is its answer.
func NoRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Answer is an error that a server answered with.
type Answer struct {
	Status  int    // of HTTP
	Code    string // of S3, such as NoSuchKey; "" when there is none, as in answers to HEAD
	Message string // the server's own words; "" for none
}

// Error says what the server says.
func (a *Answer) Error() string {
	s := fmt.Sprintf("the server answers %d %s", a.Status, http.StatusText(a.Status))
	if d := a.Detail(); d != "" {
		s += ": " + d
	}
	return s
}

// Detail is code and message; "" when there is neither.
func (a *Answer) Detail() string {
	if a.Message != "" && a.Message != a.Code {
		return a.Code + ": " + a.Message
	}
	return a.Code
}

// Plain makes an error of a client short: an *Answer when the server gave one, otherwise what went wrong on the way.
func Plain(err error) error {
	var resp *awshttp.ResponseError
	if !errors.As(err, &resp) || resp.HTTPStatusCode() == 0 { // no answer at all
		var sending *url.Error // its text has the whole URL
		if errors.As(err, &sending) {
			return sending.Err
		}
		var op *smithy.OperationError
		if errors.As(err, &op) {
			return op.Err
		}
		return err
	}
	a := &Answer{Status: resp.HTTPStatusCode()}
	var api smithy.APIError
	if errors.As(err, &api) {
		a.Code, a.Message = api.ErrorCode(), api.ErrorMessage()
	}
	return a
}
