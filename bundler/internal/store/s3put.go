package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
)

// writerKey is metadata of an object: who put it, as a number drawn for each Put. When the answer to a
// conditional request was lost, and the next try finds the condition unmet, it reports whether the first had worked.
const writerKey = "bundler-put"

// put is one Put under way.
type put struct {
	b      *bucket
	name   string
	c      Content
	o      PutOptions
	writer string
}

// Put sends a small file in one request, a big one in parts.
func (b *bucket) Put(ctx context.Context, name string, c Content, o PutOptions) (string, error) {
	p := &put{b, name, c, o, rand.Text()}
	tag, err := p.run(ctx)
	return tag, b.fail(ctx, "put", name, err)
}

func (p *put) run(ctx context.Context) (string, error) {
	if err := CheckName(p.name); err != nil {
		return "", err
	}
	if !p.o.Immutable {
		return p.send(ctx)
	}
	p.o.When = Absent
	tag, err := p.already(ctx)
	if !errors.Is(err, ErrNotExist) {
		p.reportProgress(err, p.c.Size())
		return tag, err
	}
	tag, err = p.send(ctx)
	if errors.Is(err, ErrConflict) || errors.Is(err, errDisturbed) { // another one was faster; perhaps with the same
		tag, thereErr := p.already(ctx)
		if !errors.Is(thereErr, ErrNotExist) {
			return tag, thereErr
		}
	}
	return tag, err
}

func (p *put) send(ctx context.Context) (string, error) {
	if p.c.Size() > inOnePiece {
		return p.inParts(ctx)
	}
	return p.putSingle(ctx)
}

// reportProgress reports that n bytes are done, unless there is an error.
func (p *put) reportProgress(err error, n int64) {
	if err == nil && p.o.Progress != nil {
		p.o.Progress(n)
	}
}

// looks is how often an object is found to be another, or missing after all, before that is believed, in 0.6 s:
// a server that does not swap an object and its checksum at once tells a wrong one while several put it.
const looks = 7

// lookAgain waits after a look, the first being 1, for the next.
func lookAgain(ctx context.Context, look int) error {
	return sleep(ctx, 10*time.Millisecond<<(look-1))
}

// already deals with an immutable object that is there; ErrNotExist when it is not.
func (p *put) already(ctx context.Context) (string, error) {
	for look := 1; ; look++ {
		tag, err := p.compare(ctx)
		if !errors.Is(err, ErrConflict) || look == looks {
			return tag, err
		}
		if err := lookAgain(ctx, look); err != nil {
			return "", err
		}
	}
}

// compare is one look of already.
func (p *put) compare(ctx context.Context) (string, error) {
	head, err := p.b.head(ctx, p.name)
	if isAbsent(err) {
		return "", ErrNotExist
	}
	if err != nil {
		return "", err
	}
	same, err := p.same(ctx, head)
	if err == nil && !same {
		err = ErrConflict
	}
	if err != nil {
		return "", err
	}
	return tagOf(head.ETag), nil
}

// same compares the object with the content: by the server's checksum when there is one that
// can be computed here, otherwise by reading it.
func (p *put) same(ctx context.Context, head *s3.HeadObjectOutput) (bool, error) {
	if aws.ToInt64(head.ContentLength) != p.c.Size() {
		return false, nil
	}
	want := aws.ToString(head.ChecksumSHA256)
	if s := newSum(p.c.Size(), want); s != nil {
		if err := p.checkContent(ctx, s); err != nil {
			return false, err
		}
		return s.String() == want, nil
	}
	r, i, err := p.b.Open(ctx, p.name)
	if err != nil {
		return false, err
	}
	defer r.Close() //nolint:errcheck // it was only read
	ours, theirs := sha256.New(), sha256.New()
	if _, err := io.Copy(theirs, r); err != nil {
		return false, err
	}
	err = p.checkContent(ctx, ours)
	return i.Size == p.c.Size() && bytes.Equal(ours.Sum(nil), theirs.Sum(nil)), err
}

// checkContent reads all of the content in order into w, and has it checked unless it was.
func (p *put) checkContent(ctx context.Context, w io.Writer) error {
	err := copyChecked(ctx, w, p.c, p.o.Check, nil)
	if err == nil {
		p.o.Check = nil
	}
	return err
}

// putSingle uploads in one request. The server takes nothing whose SHA-256 differs.
func (p *put) putSingle(ctx context.Context) (string, error) {
	h := sha256.New()
	if err := p.checkContent(ctx, h); err != nil {
		return "", err
	}
	d := h.Sum(nil)
	in := &s3.PutObjectInput{
		Bucket: &p.b.name, Key: p.b.key(p.name), Body: io.NewSectionReader(p.c, 0, p.c.Size()), ContentLength: aws.Int64(p.c.Size()),
		ChecksumSHA256: aws.String(encode(d)), ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
		ContentType: aws.String(contentType(p.name)), CacheControl: aws.String(cacheControl(p.o.Immutable)),
		Metadata: map[string]string{writerKey: p.writer},
	}
	in.IfMatch, in.IfNoneMatch = p.when()
	out, err := p.b.api.PutObject(ctx, in, signedAs(d))
	if err != nil {
		tag, err := p.unmet(ctx, err)
		p.reportProgress(err, p.c.Size())
		return tag, err
	}
	p.reportProgress(nil, p.c.Size())
	return tagOf(out.ETag), nil
}

// when gives the condition as the headers If-Match and If-None-Match.
func (p *put) when() (match, noneMatch *string) {
	switch {
	case p.o.When.absent:
		return nil, aws.String("*")
	case p.o.When.tag != "":
		return etagOf(p.o.When.tag), nil
	}
	return nil, nil
}

// unmet turns an unmet condition into ErrConflict, unless it is this very Put that changed the object: an earlier
// try whose answer was lost. Other errors stay as they are. A server that refuses because something is there, and
// then has nothing, is in the middle of putting it: it is looked for again.
func (p *put) unmet(ctx context.Context, err error) (string, error) {
	if p.o.When == Always || !unmet(err) {
		return "", err
	}
	head, err := p.b.head(ctx, p.name)
	for look := 1; isAbsent(err) && p.o.When.absent && look < looks; look++ {
		if err := lookAgain(ctx, look); err != nil {
			return "", err
		}
		head, err = p.b.head(ctx, p.name)
	}
	if isAbsent(err) {
		return "", ErrConflict
	}
	if err != nil {
		return "", err
	}
	if head.Metadata[writerKey] != p.writer {
		return "", ErrConflict
	}
	return tagOf(head.ETag), nil
}

// signedAs says what the SHA-256 of the body is, so that it need not be computed again for the signature.
func signedAs(digest []byte) func(*s3.Options) { return payloadHash(hex.EncodeToString(digest)) }

// signedByChecksum leaves the body out of the signature, which holds for the body's checksum as it does for every header of S3's: with
// both, the server takes the SHA-256 of the body twice.
var signedByChecksum = payloadHash("UNSIGNED-PAYLOAD")

// payloadHash sets what the signature says of the body.
func payloadHash(value string) func(*s3.Options) {
	return func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("KnownPayloadHash", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				return next.HandleInitialize(v4.SetPayloadHash(ctx, value), in)
			}), middleware.Before)
		})
	}
}

// errDisturbed says that somebody ended the upload that parts were sent to.
var errDisturbed = errors.New("the upload was ended by somebody else")

func disturbed(err error) error {
	switch code(err) {
	case "NoSuchUpload", "InvalidPart", "InvalidPartOrder":
		return fmt.Errorf("%w: %w", errDisturbed, err)
	}
	return err
}
