package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"onerpm/bundler/internal/s3client"
)

// upload is an upload in parts. The SDK's transfermanager does such, but cannot go on with one that
// was begun by a process that was killed, and holds its parts in memory.
type upload struct {
	p     *put
	id    string
	parts []types.CompletedPart // by number, from 1; an empty one has not been sent
	sums  [][]byte              // SHA-256 of each part; nil while it is not known
	mu    sync.Mutex
	told  []bool // parts whose progress was told
	first bool   // it is the first try, which may go on with what is there
}

// inParts uploads in parts, going on with what a killed upload of the same content left.
func (p *put) inParts(ctx context.Context) (string, error) {
	n := parts(p.c.Size())
	u := &upload{p: p, sums: make([][]byte, n), told: make([]bool, n)}
	for try := 0; ; try++ {
		u.first = try == 0
		tag, err := u.run(ctx)
		if !errors.Is(err, errDisturbed) || try == 2 {
			return tag, err
		}
	}
}

// run does it once.
func (u *upload) run(ctx context.Context) (string, error) {
	u.id, u.parts = "", make([]types.CompletedPart, len(u.sums))
	// Two writers that go on with the same upload both succeed. That is right only where content decides.
	if u.first && (u.p.o.Immutable || u.p.o.When == Always) {
		if err := u.find(ctx); err != nil {
			return "", err
		}
	}
	if u.id == "" {
		if err := u.create(ctx); err != nil {
			return "", err
		}
	}
	err := u.send(ctx)
	if err != nil && !wrong(err) {
		return "", u.ended(ctx, err)
	}
	var tag string
	if err == nil {
		tag, err = u.complete(ctx)
	}
	if wrong(err) || errors.Is(err, ErrConflict) {
		// Nobody will go on with it. If it cannot be removed now, Tidy does.
		_ = u.p.b.abort(ctx, *u.p.b.key(u.p.name), u.id)
	}
	return tag, err
}

// wrong reports whether an upload failed because its content is not the right one, or changed after its digest was taken.
func wrong(err error) bool {
	switch code(err) {
	case "BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch":
		return true
	}
	return errors.Is(err, errUnchecked)
}

func (u *upload) create(ctx context.Context) error {
	p := u.p
	out, err := p.b.api.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &p.b.name, Key: p.b.key(p.name),
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256, ChecksumType: types.ChecksumTypeComposite,
		ContentType: aws.String(contentType(p.name)), CacheControl: aws.String(cacheControl(p.o.Immutable)),
		Metadata: map[string]string{writerKey: p.writer},
	})
	if err == nil {
		u.id = aws.ToString(out.UploadId)
	}
	return err
}

// find looks for an unfinished upload with nothing in it but parts of this content, and takes the one with most.
func (u *upload) find(ctx context.Context) error {
	key := *u.p.b.key(u.p.name)
	best := 0
	return u.p.b.uploads(ctx, key, func(m types.MultipartUpload) error {
		if aws.ToString(m.Key) != key {
			return nil
		}
		found, n, err := u.fitting(ctx, key, aws.ToString(m.UploadId))
		if errors.Is(disturbed(err), errDisturbed) {
			return nil // it ended meanwhile
		}
		if n > best {
			best, u.id, u.parts = n, aws.ToString(m.UploadId), found
		}
		return err
	})
}

// fitting gives the parts of an upload and their number; none when any of them is not of this content.
func (u *upload) fitting(ctx context.Context, key, id string) ([]types.CompletedPart, int, error) {
	found, n := make([]types.CompletedPart, len(u.sums)), 0
	pages := s3.NewListPartsPaginator(u.p.b.api, &s3.ListPartsInput{Bucket: &u.p.b.name, Key: &key, UploadId: &id})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, 0, err
		}
		for _, part := range page.Parts {
			i := int(aws.ToInt32(part.PartNumber)) - 1
			if i < 0 || i >= len(found) || aws.ToInt64(part.Size) != section(u.p.c, i).Size() {
				return nil, 0, nil
			}
			d, err := u.sum(i)
			if err != nil {
				return nil, 0, err
			}
			if aws.ToString(part.ChecksumSHA256) != encode(d) {
				return nil, 0, nil
			}
			found[i] = completed(i, part.ETag, d)
			n++
		}
	}
	return found, n, nil
}

// sum is computed once. Not for the same part at the same time.
func (u *upload) sum(i int) ([]byte, error) {
	var err error
	if u.sums[i] == nil {
		u.sums[i], err = digest(section(u.p.c, i))
		if err != nil {
			u.sums[i] = nil
		}
	}
	return u.sums[i], err
}

func completed(i int, etag *string, digest []byte) types.CompletedPart {
	return types.CompletedPart{PartNumber: aws.Int32(int32(i) + 1), ETag: etag, ChecksumSHA256: aws.String(encode(digest))} //nolint:gosec // at most 10,000
}

// send sends the parts that are not there, each as soon as its SHA-256 is known. When the content fails its check, parts under way
// are sent to their end: a server that is still at one keeps an upload that is aborted meanwhile.
func (u *upload) send(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(u.p.b.o.Parallel)
	next, checked := make(chan int, len(u.parts)), make(chan error, 1)
	go func() {
		defer close(next)
		checked <- u.known(ctx, next)
	}()
	for i := range next {
		if u.parts[i].ETag != nil {
			u.reportProgress(i)
			continue
		}
		g.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			err := u.sendPart(ctx, i)
			if err == nil {
				u.reportProgress(i)
			}
			return err
		})
	}
	err := g.Wait()
	if checkErr := <-checked; err == nil {
		err = checkErr
	}
	return err
}

// known names the parts in next whose SHA-256 is known or may be computed now. With a check these are the digests of the bytes that it
// reads, so that the server takes no others.
func (u *upload) known(ctx context.Context, next chan<- int) error {
	if u.p.o.Check != nil {
		return u.p.checkContent(ctx, &partSums{u: u, next: next, sum: sha256.New()})
	}
	for i := range u.parts {
		next <- i
	}
	return nil
}

// partSums takes the SHA-256 of an upload's parts from the content as it comes by, in order, and names each in next.
type partSums struct {
	u    *upload
	next chan<- int
	sum  hash.Hash
	i    int   // part
	n    int64 // bytes of it so far
}

// Write adds bytes. It fails when a part, whose SHA-256 was known, is another one now.
func (s *partSums) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		size := section(s.u.p.c, s.i).Size()
		n := min(int64(len(p)), size-s.n)
		s.sum.Write(p[:n]) // a hash never fails
		p, s.n = p[n:], s.n+n
		if s.n < size {
			break
		}
		d := s.sum.Sum(nil)
		if was := s.u.sums[s.i]; was != nil && !bytes.Equal(was, d) {
			return 0, fmt.Errorf("%w: it changed while it was put", errUnchecked)
		}
		s.u.sums[s.i] = d
		s.next <- s.i
		s.sum.Reset()
		s.i, s.n = s.i+1, 0
	}
	return total, nil
}

func (u *upload) sendPart(ctx context.Context, i int) error {
	d, err := u.sum(i)
	if err != nil {
		return err
	}
	body := section(u.p.c, i)
	out, err := u.p.b.api.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &u.p.b.name, Key: u.p.b.key(u.p.name), UploadId: &u.id, PartNumber: aws.Int32(int32(i) + 1), //nolint:gosec // at most 10,000
		Body: io.ReadSeeker(body), ContentLength: aws.Int64(body.Size()),
		ChecksumSHA256: aws.String(encode(d)), ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
	}, signedByChecksum)
	if err != nil {
		return err
	}
	u.parts[i] = completed(i, out.ETag, d)
	return nil
}

func (u *upload) reportProgress(i int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.told[i] {
		u.told[i] = true
		u.p.reportProgress(nil, section(u.p.c, i).Size())
	}
}

// ended asks, after a failure, whether the upload is still there. Servers do not always say so: versitygw
// answers 500 to a part of an upload that was completed a moment ago.
func (u *upload) ended(ctx context.Context, failure error) error {
	var answer *s3client.Answer
	if ctx.Err() != nil || !errors.As(s3client.Plain(failure), &answer) || errors.Is(disturbed(failure), errDisturbed) {
		return disturbed(failure)
	}
	_, err := u.p.b.api.ListParts(ctx, &s3.ListPartsInput{Bucket: &u.p.b.name, Key: u.p.b.key(u.p.name), UploadId: &u.id})
	if code(err) == "NoSuchUpload" {
		return fmt.Errorf("%w: %w", errDisturbed, failure)
	}
	return failure
}

// complete makes the object of the parts, and looks at it: some servers answer well to an upload
// that another one has ended, whatever is there then.
func (u *upload) complete(ctx context.Context) (string, error) {
	p := u.p
	in := &s3.CompleteMultipartUploadInput{
		Bucket: &p.b.name, Key: p.b.key(p.name), UploadId: &u.id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: slices.Clone(u.parts)},
		ChecksumType:    types.ChecksumTypeComposite,
	}
	in.IfMatch, in.IfNoneMatch = p.when()
	_, err := p.b.api.CompleteMultipartUpload(ctx, in, p.b.patient)
	if err != nil && p.o.When != Always && unmet(err) {
		return p.unmet(ctx, err)
	}
	failed := u.unusable(disturbed(err))
	if failed != nil && !errors.Is(failed, errDisturbed) {
		return "", failed
	}
	head, err := p.b.head(ctx, p.name)
	if isAbsent(err) {
		return "", fmt.Errorf("%w: nothing is there", errDisturbed)
	}
	if err != nil {
		return "", err
	}
	if head.Metadata[writerKey] == p.writer {
		return tagOf(head.ETag), nil
	}
	same, err := p.same(ctx, head)
	switch {
	case err != nil:
		return "", err
	case same && (p.o.Immutable || p.o.When == Always): // put by whom we went on for
		return tagOf(head.ETag), nil
	case p.o.When != Always:
		return "", ErrConflict
	case failed == nil:
		return "", fmt.Errorf("%w: another content is there", errDisturbed)
	}
	return "", failed
}

// unusable takes a 500 to the first completion for an upload that was disturbed: with two who
// complete it at the same time, versitygw gives that ever after. An upload of one's own settles it.
func (u *upload) unusable(err error) error {
	var answer *s3client.Answer
	if u.first && errors.As(s3client.Plain(err), &answer) && answer.Status == http.StatusInternalServerError {
		return fmt.Errorf("%w: %w", errDisturbed, err)
	}
	return err
}
