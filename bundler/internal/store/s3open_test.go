package store_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/store"
	"onerpm/test/s3server"
)

// TestS3Open holds that what does not work is reported at once, with what to do.
func TestS3Open(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	unknown := httptest.NewUnstartedServer(nil)
	unknown.Config.ErrorLog = log.New(io.Discard, "", 0)
	unknown.StartTLS()
	t.Cleanup(unknown.Close)
	noKeys := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("the session has expired")
	})
	for _, tt := range []struct {
		name, bucket, text, hint string
		o                        func(*config.LoadOptions) error
	}{
		{"no bucket", "nobody", "NoSuchBucket", "create the bucket", nil},
		{"another's key", "test", "access key", "check the credentials", config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("x", "y", ""))},
		{"wrong secret", "test", "SignatureDoesNotMatch", "check the credentials", config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(server.AccessKey, "y", ""))},
		{"no credentials", "test", "the session has expired", "AWS_PROFILE", config.WithCredentialsProvider(noKeys)},
		{"nobody listens", "test", "connection refused", "check the network", config.WithBaseEndpoint("http://127.0.0.1:1")},
		{"no such host", "test", "no such host", "check the network", config.WithBaseEndpoint("http://999.999.999.999")},
		{"unknown authority", "test", "certificate", "AWS_CA_BUNDLE", config.WithBaseEndpoint(unknown.URL)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := options(server)
			if tt.o != nil {
				o.AWS = append(o.AWS, tt.o)
			}
			_, err := store.Open(t.Context(), "s3://"+tt.bucket+"/prefix", o)
			if exit.Code(err) != exit.Store || !strings.Contains(err.Error(), tt.text) || !strings.Contains(exit.Hint(err), tt.hint) {
				t.Errorf("%v\nhint %q", err, exit.Hint(err))
			}
			if err != nil && len(err.Error()) > 200 {
				t.Errorf("nobody reads that: %v", err)
			}
		})
	}
}

// TestS3URL holds where customers find things, on Amazon and elsewhere.
func TestS3URL(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	for base, want := range map[string]string{
		"":                          server.Endpoint + "/test/a/b/x%2B1.rpm",
		"https://d.example.com":     "https://d.example.com/x%2B1.rpm",
		"https://d.example.com/up/": "https://d.example.com/up/x%2B1.rpm",
	} {
		o := options(server)
		o.URL = base
		s := openS3(t, server, "a/b/", o)
		if got := s.URL("x+1.rpm"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if s.String() != "s3://test/a/b" {
			t.Error(s.String())
		}
	}
	s := openS3(t, server, "a+b/~c^d", options(server))
	if got, want := s.URL("x+1.rpm"), server.Endpoint+"/test/a%2Bb/~c%5Ed/x%2B1.rpm"; got != want || s.String() != "s3://test/a+b/~c^d" {
		t.Errorf("%s, want %s; %s", got, want, s)
	}
	for _, bad := range []string{"a b", "a,b", "a$b", "a/../b", "a//b", ".a", "a%2Bb", "ä"} {
		if _, err := store.Open(t.Context(), "s3://test/"+bad, options(server)); exit.Code(err) != exit.Usage || !strings.Contains(exit.Hint(err), "a prefix has letters, digits and ._+~^-") {
			t.Errorf("prefix %q: %v", bad, err)
		}
	}
}

// TestCancelledAtOnce holds that somebody who pressed a key is not kept waiting by tries.
func TestCancelledAtOnce(t *testing.T) {
	t.Parallel()
	pressed := errors.New("somebody pressed a key")
	for _, wait := range []time.Duration{0, 100 * time.Millisecond} {
		cancelledAfter(t, wait, pressed)
	}
}

func cancelledAfter(t *testing.T, wait time.Duration, pressed error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(wait, func() { cancel(pressed) })
	o := store.Options{Backoff: time.Hour, AWS: []func(*config.LoadOptions) error{
		config.WithSharedConfigFiles([]string{}), config.WithSharedCredentialsFiles([]string{}),
		config.WithBaseEndpoint("http://127.0.0.1:1"), config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("x", "y", "")),
	}}
	if _, err := store.Open(ctx, "s3://test", o); !errors.Is(err, pressed) {
		t.Error(err)
	}
}
