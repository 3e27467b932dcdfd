package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"onerpm/bundler/internal/s3client"
)

var (
	errReplaced = errors.New("it was replaced while it was read")
	errDamaged  = errors.New("what arrived is not what was stored: the checksum differs")
)

// smallFile is read wholly before anybody gets a byte of it, so that it can be read again when it
// came damaged or was replaced meanwhile. Bytes.
const smallFile = 1 << 20

// Not every server swaps an object, its tag and its checksum at once: versitygw, with metadata beside its
// files, may answer with the new tag and the old content while it does. The checksum tells; without it an
// update could be lost. With 20 writers at one name that is common.
const (
	rereads    = 8  // of the same damage, in 3 s: it is there to stay
	mostReread = 60 // of damage that is another each time: somebody is writing
)

// Open reads an object. Its checksum is verified where the server tells one: for every file of this package.
func (b *bucket) Open(ctx context.Context, name string) (io.ReadCloser, Info, error) {
	same, last := 0, ""
	for try := 0; ; try++ {
		r, info, err := b.open(ctx, name)
		if err == nil && info.Size > smallFile {
			return r, info, nil
		}
		var all []byte
		if err == nil {
			all, err = io.ReadAll(r)
			_ = r.Close()
		}
		if err == nil {
			return io.NopCloser(bytes.NewReader(all)), info, nil
		}
		if what := fmt.Sprintf("%s %x", info.Tag, sha256.Sum256(all)); what != last {
			same, last = 0, what
		}
		if same++; same > rereads || try == mostReread || !errors.Is(err, errDamaged) && !errors.Is(err, errReplaced) {
			return nil, Info{}, err
		}
		if err := sleep(ctx, min(10*time.Millisecond<<same, time.Second)); err != nil {
			return nil, Info{}, b.fail(ctx, "open", name, err)
		}
	}
}

func (b *bucket) open(ctx context.Context, name string) (*reader, Info, error) {
	if err := CheckName(name); err != nil {
		return nil, Info{}, b.fail(ctx, "open", name, err)
	}
	out, err := b.api.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: b.key(name), ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		return nil, Info{}, b.fail(ctx, "open", name, err)
	}
	i := Info{Name: name, Size: aws.ToInt64(out.ContentLength), Modified: aws.ToTime(out.LastModified), Tag: tagOf(out.ETag)}
	want := aws.ToString(out.ChecksumSHA256)
	return &reader{b: b, ctx: ctx, info: i, body: out.Body, sum: newSum(i.Size, want), want: want}, i, nil
}

// reader reads an object as if its connection never broke.
type reader struct {
	b     *bucket
	ctx   context.Context
	info  Info
	pos   int64
	body  io.ReadCloser // nil after it broke
	tries int           // since bytes last came
	sum   *sum          // nil when there is nothing to compare with
	want  string
	over  error
}

// Read reads on; where the connection broke, from a new one.
func (r *reader) Read(p []byte) (int, error) {
	for r.over == nil {
		n, err := r.once(p)
		if n > 0 {
			return n, nil
		}
		if err != nil {
			r.over = err
			if !errors.Is(err, io.EOF) {
				r.over = r.b.fail(r.ctx, "read", r.info.Name, err)
			}
		}
	}
	return 0, r.over
}

// once reads once. Nothing read and no error mean: once more.
func (r *reader) once(p []byte) (int, error) {
	if r.pos == r.info.Size {
		if r.sum != nil && r.sum.String() != r.want {
			return 0, errDamaged
		}
		return 0, io.EOF
	}
	if r.body == nil {
		if err := r.reopen(); err != nil {
			return 0, err
		}
	}
	n, err := r.body.Read(p[:min(int64(len(p)), r.info.Size-r.pos)])
	if n > 0 {
		r.pos += int64(n)
		r.tries = 0
		if r.sum != nil {
			_, _ = r.sum.Write(p[:n]) // a hash takes everything
		}
	}
	if err == nil {
		return n, nil
	}
	_ = r.body.Close()
	r.body = nil
	if n > 0 || r.pos == r.info.Size {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if r.tries++; r.tries > r.b.o.Retries {
		return 0, fmt.Errorf("tried %d times: %w", r.tries, err)
	}
	return 0, sleep(r.ctx, r.b.pause(r.tries-1))
}

// reopen requests the rest of the file, from where reading broke off.
func (r *reader) reopen() error {
	out, err := r.b.api.GetObject(r.ctx, &s3.GetObjectInput{
		Bucket: &r.b.name, Key: r.b.key(r.info.Name), IfMatch: etagOf(r.info.Tag),
		Range: aws.String(fmt.Sprintf("bytes=%d-", r.pos)),
	})
	var answer *s3client.Answer
	if errors.As(s3client.Plain(err), &answer) && (answer.Status == http.StatusPreconditionFailed || answer.Status == http.StatusNotFound) {
		return errReplaced
	}
	if err != nil {
		return err
	}
	want := fmt.Sprintf("bytes %d-%d/%d", r.pos, r.info.Size-1, r.info.Size)
	if aws.ToString(out.ContentRange) != want && r.pos > 0 {
		_ = out.Body.Close()
		return fmt.Errorf("the server answers with %q when asked for %q", aws.ToString(out.ContentRange), want)
	}
	r.body = out.Body
	return nil
}

// Close ends the connection.
func (r *reader) Close() error {
	if r.over == nil {
		r.over = errors.New("read after close")
	}
	if r.body == nil {
		return nil
	}
	body := r.body
	r.body = nil
	return body.Close()
}

// sleep waits, or returns why ctx ended.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
