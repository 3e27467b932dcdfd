package fetch

import (
	"context"
	"errors"
	"fmt"
	"path"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"onerpm/bundler/internal/exit"
)

// s3Client is S3 as the environment describes it: credentials, region, profile and
// endpoint come from AWS_ variables and ~/.aws, as with every program that uses S3. It is made when first needed.
type s3Client struct {
	http *httpClient
	once sync.Once
	api  *s3.Client
	err  error
}

func newS3Client(h *httpClient) *s3Client { return &s3Client{http: h} }

func (c *s3Client) get(ctx context.Context) (*s3.Client, error) {
	c.once.Do(func() { c.api, c.err = c.make(ctx) })
	return c.api, c.err
}

func (c *s3Client) make(ctx context.Context) (*s3.Client, error) {
	const hint = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_REGION; AWS_ENDPOINT_URL for a store that is not Amazon's"
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithHTTPClient(&c.http.Client),
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }), // stream retries, from where it was cut
		config.WithResponseChecksumValidation(aws.ResponseChecksumValidationWhenRequired),
	)
	if err != nil {
		return nil, exit.With(exit.Missing, fmt.Errorf("read the AWS configuration: %w", err), hint)
	}
	if cfg.Region == "" {
		cfg.Region = "us-east-1"
	}
	retrieving, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if _, err := cfg.Credentials.Retrieve(retrieving); err != nil {
		return nil, exit.With(exit.Missing, fmt.Errorf("no credentials for S3: %w", err), hint)
	}
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = o.BaseEndpoint != nil // stores of one's own seldom have a host name for each bucket
	}), nil
}

// s3Place is an object, or what the keys of several begin with.
type s3Place struct {
	client *s3Client
	bucket string
	key    string
}

func (p s3Place) join(rel string) place {
	return s3Place{p.client, p.bucket, path.Join(p.key, rel)}
}

func (p s3Place) name() string   { return path.Base(p.key) }
func (p s3Place) host() string   { return "s3://" + p.bucket }
func (p s3Place) String() string { return "s3://" + p.bucket + "/" + p.key }

func (p s3Place) open(ctx context.Context, offset int64, tag string) (*content, error) {
	api, err := p.client.get(ctx)
	if err != nil {
		return nil, err
	}
	in := &s3.GetObjectInput{Bucket: &p.bucket, Key: &p.key}
	if offset > 0 {
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", offset))
		if tag != "" {
			in.IfMatch = &tag
		}
	}
	ctx, watch := watched(ctx, p.client.http.stall)
	out, err := api.GetObject(ctx, in)
	if err != nil {
		watch.stop()
		return nil, s3Error(watch.cause(err))
	}
	c := &content{body: watch.body(out.Body), size: -1, tag: aws.ToString(out.ETag)}
	if offset > 0 && out.ContentRange != nil {
		if err := c.setRange(*out.ContentRange, offset); err != nil {
			_ = c.body.Close()
			return nil, err
		}
	} else if out.ContentLength != nil {
		c.size = *out.ContentLength
	}
	return c, nil
}

// s3Error makes an answer of S3 that is an error one that the rest of the package knows.
func s3Error(err error) error {
	var resp *awshttp.ResponseError
	if !errors.As(err, &resp) || resp.HTTPStatusCode() == 0 { // no answer at all
		var op *smithy.OperationError
		if errors.As(err, &op) {
			return op.Err
		}
		return err
	}
	e := &statusError{code: resp.HTTPStatusCode()}
	var api smithy.APIError
	if errors.As(err, &api) {
		e.detail = api.ErrorCode()
		if m := api.ErrorMessage(); m != "" && m != e.detail {
			e.detail += ": " + m
		}
	}
	return e
}
