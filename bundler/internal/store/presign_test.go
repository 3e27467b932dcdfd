package store_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/store"
	"onerpm/bundler/internal/store/storetest"
	"onerpm/test/s3server"
)

// A link is never said to be good for longer than the credentials that sign it.
func TestLinkAndCredentials(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	storetest.Put(t, openS3(t, server, "", options(server)), "a.rpm", []byte("x"), store.PutOptions{})
	session := aws.Credentials{AccessKeyID: server.AccessKey, SecretAccessKey: server.SecretKey, CanExpire: true, Expires: time.Now().Add(30 * time.Minute)}
	open := func(c aws.Credentials, more ...func(*config.LoadOptions) error) store.Store {
		o := options(server)
		o.AWS = append(append(o.AWS, more...), config.WithCredentialsProvider(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c, nil })))
		return openS3(t, server, "", o)
	}
	s := open(session)
	if _, err := s.Presign(t.Context(), "a.rpm", time.Hour); exit.Code(err) != exit.Usage || !strings.Contains(exit.Hint(err), "--expires 29m0s or less") {
		t.Errorf("a link that outlives its credentials: %v, %s", err, exit.Hint(err))
	}
	// A server that knows sessions; versitygw does not.
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<ListBucketResult></ListBucketResult>")
	}))
	t.Cleanup(front.Close)
	untold := aws.Credentials{AccessKeyID: "x", SecretAccessKey: "y", SessionToken: "z"}
	if link, err := open(untold, config.WithBaseEndpoint(front.URL)).Presign(t.Context(), "a.rpm", time.Hour); err != nil || !link.Until.IsZero() {
		t.Errorf("a session whose end nobody tells: %+v, %v", link, err)
	}
	if link, err := s.Presign(t.Context(), "a.rpm", 10*time.Minute); err != nil || link.Until.After(session.Expires) || link.Until.IsZero() {
		t.Errorf("%+v, %v", link, err)
	}
}
