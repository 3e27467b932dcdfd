package store

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"onerpm/bundler/internal/percent"
	"onerpm/bundler/internal/s3client"
)

// copyPart is how much the server copies in one request, in bytes.
const copyPart = 64 << 20

// Copy has the server copy, a big file in parts at the same time. It never leaves out a copy that is there already: what
// such an object says of itself stays when its bytes rot, and publishing again is what repairs a store.
func (b *bucket) Copy(ctx context.Context, from, to string) error {
	return b.fail(ctx, "copy "+from+" to", to, b.copy(ctx, from, to))
}

func (b *bucket) copy(ctx context.Context, from, to string) error {
	if err := errors.Join(CheckName(from), CheckName(to)); err != nil {
		return err
	}
	source, err := b.head(ctx, from)
	if err != nil && !isAbsent(err) {
		return err
	}
	if err == nil && aws.ToInt64(source.ContentLength) > inOnePiece {
		return b.copyInParts(ctx, from, to, source)
	}
	// Also when there is no source: the answer says what is missing, as that to HEAD cannot.
	_, err = b.api.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: &b.name, Key: b.key(to), CopySource: b.source(from),
		MetadataDirective: types.MetadataDirectiveReplace, // the original may be kept for ever, the copy may not
		ContentType:       aws.String(contentType(to)), CacheControl: aws.String(cacheControl(false)),
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
	}, b.patient)
	return err
}

// copyInParts has the server copy the object that head describes. One request for all of it is served by one core.
func (b *bucket) copyInParts(ctx context.Context, from, to string, head *s3.HeadObjectOutput) error {
	made, err := b.api.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &b.name, Key: b.key(to), ContentType: aws.String(contentType(to)), CacheControl: aws.String(cacheControl(false)),
	})
	if err != nil {
		return err
	}
	parts, err := b.copyParts(ctx, from, to, made.UploadId, head)
	if err == nil {
		_, err = b.api.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &b.name, Key: b.key(to), UploadId: made.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		}, b.patient)
	}
	if err != nil { // if it cannot be removed now, Tidy does
		_ = b.abort(context.WithoutCancel(ctx), *b.key(to), aws.ToString(made.UploadId))
	}
	return err
}

func (b *bucket) copyParts(ctx context.Context, from, to string, id *string, head *s3.HeadObjectOutput) ([]types.CompletedPart, error) {
	size := aws.ToInt64(head.ContentLength)
	parts := make([]types.CompletedPart, (size+copyPart-1)/copyPart)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(b.o.Parallel)
	for i := range parts {
		at := int64(i) * copyPart
		g.Go(func() error {
			out, err := b.api.UploadPartCopy(ctx, &s3.UploadPartCopyInput{
				Bucket: &b.name, Key: b.key(to), UploadId: id, PartNumber: aws.Int32(int32(i) + 1), //nolint:gosec // at most 10,000
				CopySource: b.source(from), CopySourceIfMatch: head.ETag,
				CopySourceRange: aws.String(fmt.Sprintf("bytes=%d-%d", at, min(at+copyPart, size)-1)),
			}, b.patient)
			if err != nil {
				return replacedSource(err)
			}
			parts[i] = types.CompletedPart{PartNumber: aws.Int32(int32(i) + 1), ETag: out.CopyPartResult.ETag} //nolint:gosec // likewise
			return nil
		})
	}
	return parts, g.Wait()
}

// source names an object as the requests that copy want it.
func (b *bucket) source(name string) *string {
	return aws.String(percent.Path(b.name + "/" + b.prefix + name))
}

// replacedSource says in words that the object is not the one that the copy began with.
func replacedSource(err error) error {
	var answer *s3client.Answer
	if errors.As(s3client.Plain(err), &answer) && answer.Status == http.StatusPreconditionFailed {
		return errReplaced
	}
	return err
}
