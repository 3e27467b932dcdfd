package s3client_test

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"onerpm/bundler/internal/s3client"
)

// TestCABundle holds that AWS_CA_BUNDLE works, with connections that are not the SDK's own, and what an answer says.
func TestCABundle(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`<Error><Code>ExpiredToken</Code><Message>The token has expired.</Message></Error>`))
	}))
	t.Cleanup(server.Close)
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "x", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "",
		"AWS_PROFILE": "", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_CA_BUNDLE": bundle,
	} {
		t.Setenv(name, value)
	}
	wrap := func(t *http.Transport) *http.Client { return &http.Client{Transport: t} }
	api, err := s3client.New(t.Context(), &http.Transport{}, wrap, func() aws.Retryer { return aws.NopRetryer{} })
	if err != nil {
		t.Fatal(err)
	}
	_, err = api.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("key")})
	var answer *s3client.Answer
	if !errors.As(s3client.Plain(err), &answer) {
		t.Fatal(err)
	}
	const want = "the server answers 403 Forbidden: ExpiredToken: The token has expired."
	if answer.Error() != want {
		t.Errorf("%s, want %s", answer, want)
	}
}

// TestRedirect holds that a signed request goes to one host alone, and that one that writes does not end as one that reads.
func TestRedirect(t *testing.T) {
	asked := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	t.Cleanup(other.Close)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+r.URL.Path, map[string]int{http.MethodGet: http.StatusTemporaryRedirect, http.MethodPut: http.StatusFound}[r.Method])
	}))
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "x", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "token",
		"AWS_PROFILE": "", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_CA_BUNDLE": "",
	} {
		t.Setenv(name, value)
	}
	wrap := func(t *http.Transport) *http.Client { return &http.Client{Transport: t} }
	api, err := s3client.New(t.Context(), &http.Transport{}, wrap, func() aws.Retryer { return aws.NopRetryer{} })
	if err != nil {
		t.Fatal(err)
	}
	_, get := api.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("key")})
	_, put := api.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String("key")})
	for status, err := range map[int]error{http.StatusTemporaryRedirect: get, http.StatusFound: put} {
		var answer *s3client.Answer
		if !errors.As(s3client.Plain(err), &answer) || answer.Status != status {
			t.Errorf("%d: %v", status, err)
		}
	}
	if asked > 0 {
		t.Errorf("%d requests went on to another host", asked)
	}
}
