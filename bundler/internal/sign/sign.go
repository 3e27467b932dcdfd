package sign

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
)

// Header returns the signature of an rpm header's bytes as its tag 268 holds it:
// one binary signature packet of at most MaxSignature bytes. at is the time it
// tells, or the key's own creation when that is later.
func (k *Key) Header(header []byte, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	if err := k.detached(&b, bytes.NewReader(header), at, time.Time{}); err != nil {
		return nil, fmt.Errorf("sign the header: %w", err)
	}
	if b.Len() > MaxSignature {
		return nil, fmt.Errorf("sign the header: a signature of %d bytes", b.Len())
	}
	return b.Bytes(), nil
}

// Detached returns the armored detached signature of content, ending with a newline.
func (k *Key) Detached(content []byte, at time.Time) ([]byte, error) {
	return k.DetachedUntil(content, at, time.Time{})
}

// DetachedUntil is Detached for a signature that counts until a time (RFC 9580, 5.2.3.18): gpg, and so dnf, refuses it afterwards. With the zero time it counts
// as long as the key does.
func (k *Key) DetachedUntil(content []byte, at, until time.Time) ([]byte, error) {
	b, err := armored(openpgp.SignatureType, func(w io.Writer) error { return k.detached(w, bytes.NewReader(content), at, until) })
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return b, nil
}

func (k *Key) detached(w io.Writer, r io.Reader, at, until time.Time) error {
	if at.Before(k.since) {
		at = k.since
	}
	if err := k.Check(at); err != nil {
		return err
	}
	c := config(at)
	c.SigningKeyId = k.entity.PrimaryKey.KeyId
	if !until.IsZero() {
		seconds := until.Sub(at) / time.Second
		if seconds < 1 || seconds > math.MaxUint32 {
			return fmt.Errorf("a signature of %s cannot end on %s", at.UTC().Format(time.DateOnly), until.UTC().Format(time.DateOnly))
		}
		c.SigLifetimeSecs = uint32(seconds)
	}
	return openpgp.DetachSign(w, k.entity, r, c)
}
