package sign

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// ErrSignature is returned when a signature was not made by the key, or not of these bytes.
var ErrSignature = errors.New("the signature is not valid")

// ErrStale is wrapped, beside ErrSignature, by the error for a signature that the key made of these bytes and that counts no more.
var ErrStale = errors.New("its time is over")

// Public is a public key that signatures are checked with.
type Public struct{ entity *openpgp.Entity }

// LoadPublic reads one armored key, of which only the public half is used.
func LoadPublic(r io.Reader) (*Public, error) {
	e, err := readOne(r)
	if err != nil {
		return nil, err
	}
	return &Public{entity: e}, nil
}

// Fingerprint returns the key's fingerprint in upper case hexadecimal.
func (p *Public) Fingerprint() string {
	return strings.ToUpper(hex.EncodeToString(p.entity.PrimaryKey.Fingerprint))
}

// Demo reports whether this is the key of the demo, which anybody has.
func (p *Public) Demo() bool { return p.Fingerprint() == demoFingerprint }

// Verify checks the binary signature packet of an rpm header's bytes. It returns
// ErrSignature, wrapped, unless the key made it of exactly these bytes.
func (p *Public) Verify(header, signature []byte) error {
	_, _, err := openpgp.VerifyDetachedSignature(openpgp.EntityList{p.entity},
		bytes.NewReader(header), bytes.NewReader(signature), nil)
	return checked(err)
}

// VerifyDetached checks an armored detached signature of what r gives, as Verify does.
func (p *Public) VerifyDetached(r io.Reader, signature []byte) error {
	_, err := openpgp.CheckArmoredDetachedSignature(openpgp.EntityList{p.entity}, r, bytes.NewReader(signature), nil)
	return checked(err)
}

func checked(err error) error {
	if errors.Is(err, pgperrors.ErrSignatureExpired) { // asked last, of a signature that is right
		return fmt.Errorf("%w: %w", ErrSignature, ErrStale)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return nil
}

// Signer returns the key ID, in upper case hexadecimal, that a signature packet says
// made it. It checks nothing.
func Signer(signature []byte) (string, error) {
	p, err := packet.Read(bytes.NewReader(signature))
	if err != nil {
		return "", fmt.Errorf("read the signature: %w", err)
	}
	s, ok := p.(*packet.Signature)
	if !ok || s.IssuerKeyId == nil {
		return "", errors.New("read the signature: it names no key")
	}
	return fmt.Sprintf("%016X", *s.IssuerKeyId), nil
}
