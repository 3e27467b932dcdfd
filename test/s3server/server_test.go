package s3server_test

import (
	"io"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"onerpm/test/s3server"
)

// TestServer puts, gets a part of, and conditionally puts an object: what the tests of other packages rely on.
func TestServer(t *testing.T) {
	t.Parallel()
	s := s3server.Start(t)
	s.Put(t, "a/b.txt", []byte("0123456789"))
	out, err := s.Client().GetObject(t.Context(), &s3.GetObjectInput{Bucket: &s.Bucket, Key: aws.String("a/b.txt"), Range: aws.String("bytes=4-")})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	if b, err := io.ReadAll(out.Body); err != nil || string(b) != "456789" || aws.ToString(out.ETag) == "" {
		t.Errorf("%q, %v, ETag %s", b, err, aws.ToString(out.ETag))
	}
	_, err = s.Client().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &s.Bucket, Key: aws.String("a/b.txt"), IfNoneMatch: aws.String("*")})
	if err == nil {
		t.Error("If-None-Match: * replaced an object")
	}
}
