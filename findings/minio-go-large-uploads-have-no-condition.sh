#!/bin/bash
# minio-go sends the condition of a write with the beginning of an upload in parts, where no server looks at it: a large object is replaced all the same.
#
# minio-go 7.4.1, against moto 5.2.5 (PyPI), which keeps If-None-Match for both ways of writing, as aws-sdk-go-v2 service/s3 1.114.8 shows; against versitygw 1.8.0, which keeps If-Match
# for both, too, it was the same with SetMatchETag.
# PutObjectOptions.SetMatchETagExcept("*") is to write only where nothing is, SetMatchETag only over what was read. Up to the part size (16 MiB unless PartSize says otherwise) they are;
# above, PutObject sends them in CreateMultipartUpload and not in CompleteMultipartUpload, which is the request that has conditions. It returns no error.
#
# Seen, where an object is:  minio-go 1 MiB: refused, the old one stays    minio-go 6 MiB in parts of 5: no error, replaced    aws-sdk-go-v2 in parts: refused, the old one stays
#        requests of minio-go with If-None-Match: PUT, POST ?uploads
set -eu
changed() { echo "CHANGED: $*"; exit 1; }
work=$(mktemp -d /var/tmp/finding.XXXXXX); moto=; trap '[ -z "$moto" ] || kill "$moto"; rm -rf "$work"' EXIT; cd "$work"
command -v go >/dev/null || { echo "no go here"; exit 2; }
{ python3 -m venv py || { apt-get install -y -qq python3 python3-venv && python3 -m venv py; }; } >log 2>&1 || { cat log; exit 2; }
py/bin/pip -q install 'moto[s3,server]==5.2.5' >log 2>&1 || { cat log; exit 2; }
export GOFLAGS=-mod=mod GOWORK=off
printf 'module finding\n\ngo 1.25\n' >go.mod
go get github.com/minio/minio-go/v7@v7.4.1 github.com/aws/aws-sdk-go-v2@v1.47.7 github.com/aws/aws-sdk-go-v2/credentials@v1.20.15 github.com/aws/aws-sdk-go-v2/service/s3@v1.114.8 >log 2>&1 || { cat log; exit 2; }
cat >main.go <<'EOG'
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscredentials "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const bucket, key = "things", "k"

var ctx = context.Background()

// recorder notes which requests have the condition.
type recorder struct{ seen []string }

func (r *recorder) RoundTrip(q *http.Request) (*http.Response, error) {
	what := q.Method
	for _, name := range []string{"uploads", "partNumber", "uploadId"} {
		if q.URL.Query().Has(name) {
			what += " ?" + name
			break
		}
	}
	if q.Header.Get("If-None-Match") != "" && !slices.Contains(r.seen, what) {
		r.seen = append(r.seen, what)
	}
	return http.DefaultTransport.RoundTrip(q)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func main() {
	api := s3.New(s3.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://" + os.Args[1]), UsePathStyle: true, Credentials: awscredentials.NewStaticCredentialsProvider("somebody", "secret", "")})
	must(api.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(bucket)}))
	requests := &recorder{}
	client := must(minio.New(os.Args[1], &minio.Options{Creds: credentials.NewStaticV4("somebody", "secret", ""), Region: "us-east-1", BucketLookup: minio.BucketLookupPath, Transport: requests}))

	// try has an old object replaced by a new one of a size, and tells what became of it.
	try := func(what string, size int, put func(body []byte) error) {
		must(api.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), Body: strings.NewReader("old")}))
		err := put(append([]byte("new"), make([]byte, size)...))
		said := "no error"
		var a smithy.APIError
		if errors.As(err, &a) {
			said = a.ErrorCode()
		} else if err != nil {
			said = minio.ToErrorResponse(err).Code
		}
		head := make([]byte, 3)
		must(io.ReadFull(must(api.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})).Body, head))
		fmt.Printf("%s: %s, the object is %s\n", what, said, head)
	}
	absent := func(body []byte) error {
		o := minio.PutObjectOptions{PartSize: 5 << 20}
		o.SetMatchETagExcept("*")
		_, err := client.PutObject(ctx, bucket, key, bytes.NewReader(body), int64(len(body)), o)
		return err
	}
	try("minio-go, only where nothing is, 1 MiB", 1<<20, absent)
	try("minio-go, only where nothing is, 6 MiB", 6<<20, absent)
	try("aws-sdk-go-v2, only where nothing is, in parts", 5<<20, func(body []byte) error {
		u := must(api.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: aws.String(bucket), Key: aws.String(key)}))
		p := must(api.UploadPart(ctx, &s3.UploadPartInput{Bucket: aws.String(bucket), Key: aws.String(key), UploadId: u.UploadId, PartNumber: aws.Int32(1), Body: bytes.NewReader(body)}))
		_, err := api.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: aws.String(bucket), Key: aws.String(key), UploadId: u.UploadId, IfNoneMatch: aws.String("*"),
			MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: p.ETag, ChecksumCRC32: p.ChecksumCRC32}}}})
		return err
	})
	fmt.Println("requests of minio-go with If-None-Match:", strings.Join(requests.seen, ", "))
}
EOG
go build -o try . >log 2>&1 || { cat log; exit 2; }
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
py/bin/moto_server -H 127.0.0.1 -p "$port" >moto.log 2>&1 & moto=$!
for _ in $(seq 300); do (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.2; done
cat >want <<'OUT'
minio-go, only where nothing is, 1 MiB: PreconditionFailed, the object is old
minio-go, only where nothing is, 6 MiB: no error, the object is new
aws-sdk-go-v2, only where nothing is, in parts: PreconditionFailed, the object is old
requests of minio-go with If-None-Match: PUT, POST ?uploads
OUT
./try "127.0.0.1:$port" >out 2>log || { cat out log moto.log; changed "the program fails"; }
cat out
diff want out >/dev/null || changed "$(diff want out)"
echo "as described"
