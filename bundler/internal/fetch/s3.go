package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/s3client"
	"onerpm/bundler/internal/stall"
)

// s3Client is S3 as the environment describes it, made when first needed.
type s3Client struct {
	http *httpClient
	once sync.Once
	api  *s3.Client
	err  error
}

func newS3Client(h *httpClient) *s3Client { return &s3Client{http: h} }

func (c *s3Client) get(ctx context.Context) (*s3.Client, error) {
	c.once.Do(func() { c.api, c.err = c.connect(ctx) })
	return c.api, c.err
}

func (c *s3Client) connect(ctx context.Context) (*s3.Client, error) {
	wrap := func(t *http.Transport) *http.Client { return &http.Client{Transport: t} }
	noRetry := func() aws.Retryer { return aws.NopRetryer{} } // stream retries, from where it was cut
	api, err := s3client.New(ctx, c.http.transport, wrap, noRetry)
	return api, exit.With(exit.Missing, err, s3client.Hint)
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
	ctx, watch := stall.New(ctx, p.client.http.stall)
	out, err := api.GetObject(ctx, in)
	if err != nil {
		watch.Stop()
		return nil, s3Error(watch.Cause(err))
	}
	c := &content{body: watch.Body(out.Body), size: -1, tag: aws.ToString(out.ETag)}
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
	err = s3client.Plain(err)
	var a *s3client.Answer
	if errors.As(err, &a) {
		return &statusError{code: a.Status, detail: a.Detail()}
	}
	return err
}
