package store

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"onerpm/bundler/internal/exit"
)

// Presign signs here; the server is only asked whether the object is there. A link ends with the credentials that signed
// it, so one that would have to outlive them is refused.
func (b *bucket) Presign(ctx context.Context, name string, d time.Duration) (Link, error) {
	const most = 7 * 24 * time.Hour
	if d < time.Second || d > most {
		return Link{}, exit.Errorf(exit.Usage, "S3 takes 1s to 168h", "a link cannot be good for %s", d)
	}
	if _, err := b.Stat(ctx, name); err != nil {
		return Link{}, err
	}
	c, err := b.api.Options().Credentials.Retrieve(ctx)
	if err != nil {
		return Link{}, b.fail(ctx, "sign a link for", name, err)
	}
	// The server counts from the time of the signature, in whole seconds.
	until := time.Now().Add(d).UTC().Truncate(time.Second)
	if c.CanExpire && until.After(c.Expires) {
		left := time.Until(c.Expires).Truncate(time.Minute)
		return Link{}, exit.Errorf(exit.Usage, "--expires "+left.String()+" or less, or sign with credentials that live longer: an access key of a user, not of a session",
			"a link cannot be good for %s: the credentials that sign it end at %s, and the link with them", d, c.Expires.UTC().Format(time.RFC3339))
	}
	if c.SessionToken != "" && !c.CanExpire {
		until = time.Time{}
	}
	signed, err := s3.NewPresignClient(b.api).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: b.key(name)}, s3.WithPresignExpires(d))
	if err != nil {
		return Link{}, b.fail(ctx, "sign a link for", name, err)
	}
	return Link{signed.URL, until}, nil
}
