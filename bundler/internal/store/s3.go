package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/percent"
	"onerpm/bundler/internal/s3client"
)

// bucket is a Store under a prefix of an S3 bucket. It relies on conditional writes, which Amazon has since
// 2024, and on SHA-256 checksums, which the server verifies before it takes anything.
type bucket struct {
	api     *s3.Client
	patient func(*s3.Options) // for what takes the server long
	name    string
	prefix  string // "" or with a slash at its end
	base    string // of URLs
	o       Options
}

// maxPrefix bounds a prefix, in bytes: with it and all else a key stays below S3's limit.
const maxPrefix = 100

var bucketName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$`)

func openS3(ctx context.Context, rest string, o Options) (Store, error) {
	name, prefix, _ := strings.Cut(rest, "/")
	prefix = strings.TrimSuffix(prefix, "/")
	if !bucketName.MatchString(name) || prefix != "" && (CheckName(prefix) != nil || len(prefix) > maxPrefix) {
		return nil, exit.Errorf(exit.Usage, fmt.Sprintf("give s3://bucket or s3://bucket/prefix; a prefix has letters, digits and ._+~^- between single slashes, no part begins with a dot, and it has at most %d characters", maxPrefix),
			"s3://%s is no address of a store", rest)
	}
	if prefix != "" {
		prefix += "/"
	}
	if o.Parallel <= 0 {
		o.Parallel = 4
	}
	if o.Retries <= 0 {
		o.Retries = 4
	}
	if o.Backoff <= 0 {
		o.Backoff = 500 * time.Millisecond
	}
	if o.Stall <= 0 {
		o.Stall = 30 * time.Second
	}
	b := &bucket{name: name, prefix: prefix, o: o}
	if err := b.connect(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

// checkAccess makes one small request, so that wrong credentials or a bucket that is not there are reported before anything is done.
func (b *bucket) checkAccess(ctx context.Context) error {
	_, err := b.api.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &b.prefix, MaxKeys: aws.Int32(1)})
	return b.fail(ctx, "open", "", err)
}

// publicBase is where the bucket's objects are to be read, as the SDK finds it too.
func (b *bucket) publicBase(ctx context.Context) (string, error) {
	if b.o.URL != "" {
		return b.o.URL, nil
	}
	o := b.api.Options()
	found, err := s3.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, s3.EndpointParameters{
		Bucket: &b.name, Region: &o.Region, Endpoint: o.BaseEndpoint, ForcePathStyle: &o.UsePathStyle,
	})
	if err != nil {
		return "", exit.With(exit.Usage, fmt.Errorf("find the URL of bucket %s: %w", b.name, err), "check AWS_REGION and AWS_ENDPOINT_URL")
	}
	return found.URI.String() + "/" + percent.Path(strings.TrimSuffix(b.prefix, "/")), nil
}

// String is s3://bucket/prefix.
func (b *bucket) String() string { return strings.TrimSuffix("s3://"+b.name+"/"+b.prefix, "/") }

// URL is under the bucket's own, or under the base given.
func (b *bucket) URL(name string) string { return publicURL(b.base, name) }

func (b *bucket) key(name string) *string { return aws.String(b.prefix + name) }

// Stat asks for the object's head.
func (b *bucket) Stat(ctx context.Context, name string) (Info, error) {
	head, err := b.head(ctx, name)
	if err != nil {
		return Info{}, b.fail(ctx, "look at", name, err)
	}
	return info(name, head), nil
}

func (b *bucket) head(ctx context.Context, name string) (*s3.HeadObjectOutput, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	head, err := b.api.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: b.key(name), ChecksumMode: types.ChecksumModeEnabled})
	if err == nil {
		return head, nil
	}
	var answer *s3client.Answer
	if errors.As(s3client.Plain(err), &answer) && answer.Status != 404 && answer.Status < 500 {
		// An answer to HEAD has no body, so no reason. Ask for one byte instead: that answer has.
		got, why := b.api.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: b.key(name), Range: aws.String("bytes=0-0")})
		if why != nil {
			return nil, why
		}
		_ = got.Body.Close()
	}
	return nil, err
}

func info(name string, h *s3.HeadObjectOutput) Info {
	return Info{Name: name, Size: aws.ToInt64(h.ContentLength), Modified: aws.ToTime(h.LastModified), Tag: tagOf(h.ETag)}
}

// tagOf is an ETag without its quotes, which some servers leave out now and then.
func tagOf(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }

func etagOf(tag string) *string { return aws.String(`"` + tag + `"`) }

// Delete deletes.
func (b *bucket) Delete(ctx context.Context, name string) error {
	err := CheckName(name)
	if err == nil {
		_, err = b.api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: b.key(name)})
	}
	err = b.fail(ctx, "delete", name, err)
	if errors.Is(err, ErrNotExist) {
		return nil
	}
	return err
}

// List asks for a thousand at a time.
func (b *bucket) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		if err := checkPrefix(prefix); err != nil {
			yield(Info{}, b.fail(ctx, "list", prefix, err))
			return
		}
		pages := s3.NewListObjectsV2Paginator(b.api, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: b.key(prefix)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(Info{}, b.fail(ctx, "list", prefix, err))
				return
			}
			for _, o := range page.Contents {
				name, ok := strings.CutPrefix(aws.ToString(o.Key), b.prefix)
				if !ok || CheckName(name) != nil {
					continue
				}
				if !yield(Info{Name: name, Size: aws.ToInt64(o.Size), Modified: aws.ToTime(o.LastModified)}, nil) {
					return
				}
			}
		}
	}
}

// Tidy aborts uploads of parts that began before then under the prefix, and removes what killed probes left.
func (b *bucket) Tidy(ctx context.Context, before time.Time) (int, error) {
	removed, err := b.tidyProbes(ctx, before)
	if err != nil {
		return removed, err
	}
	err = b.uploads(ctx, b.prefix, func(u types.MultipartUpload) error {
		if !aws.ToTime(u.Initiated).Before(before) {
			return nil
		}
		err := b.abort(ctx, aws.ToString(u.Key), aws.ToString(u.UploadId))
		if err == nil {
			removed++
		}
		return err
	})
	return removed, b.fail(ctx, "tidy", "", err)
}

// uploads calls fn for the unfinished uploads whose keys begin with prefix.
func (b *bucket) uploads(ctx context.Context, prefix string, fn func(types.MultipartUpload) error) error {
	pages := s3.NewListMultipartUploadsPaginator(b.api, &s3.ListMultipartUploadsInput{Bucket: &b.name, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, u := range page.Uploads {
			if err := fn(u); err != nil {
				return err
			}
		}
	}
	return nil
}

// abort is no error when the upload is gone.
func (b *bucket) abort(ctx context.Context, key, id string) error {
	_, err := b.api.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &b.name, Key: &key, UploadId: &id})
	if code(err) == "NoSuchUpload" {
		return nil
	}
	return err
}

func cacheControl(immutable bool) string {
	if immutable {
		return "public, max-age=31536000, immutable"
	}
	return "no-cache" // it may be kept, but not used without asking
}

// contentType says what a file is by its name, for browsers and dnf alike.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".rpm":
		return "application/x-rpm"
	case ".json":
		return "application/json"
	case ".html":
		return "text/html; charset=utf-8"
	case ".xml":
		return "text/xml"
	case ".gz":
		return "application/gzip" // and no Content-Encoding: digests are of the bytes as they are stored
	case ".asc", ".sha256", ".repo", "":
		return "text/plain; charset=utf-8" // mirrorlist and RPM-GPG-KEY-x have no extension
	}
	return "application/octet-stream"
}
