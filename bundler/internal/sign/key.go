// Package sign makes and checks the OpenPGP signatures of bundles and of the
// files beside them.
//
// Whoever holds the private key decides what customers install; the machine that
// builds is trusted with it, stores and networks are not. Signatures are such
// that rpm 4.11 (EL7) to 4.19 (EL10) check them: RSA of 2048 to 4096 bits, SHA-256, made by the
// primary key. Equal input gives equal signatures: the time in them is the
// caller's, and nothing random goes in.
package sign

import (
	"bytes"
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// MaxSignature is the most bytes that a signature by Header takes.
const MaxSignature = 1024

// maxKey bounds a key file, in bytes.
const maxKey = 1 << 20

// demoFingerprint is of the key that the demo and the tests use: test/keys/demo.key.asc. Anybody has it.
const demoFingerprint = "83F7C20D5B275FEDAB34E50B80D145C7D5DC6F5F"

// Key is a private key that can sign.
type Key struct {
	entity *openpgp.Entity
	since  time.Time // no signature can be older than this
}

// ErrPassphrase is returned by Load when a key cannot be opened with the passphrase given.
var ErrPassphrase = errors.New("the passphrase does not open the key")

// ErrExpired is wrapped by errors of Load, and of signing, for a key whose time is over.
var ErrExpired = errors.New("the key has expired")

// Load reads one armored private key, which is valid today. passphrase is asked only when the key is protected.
func Load(r io.Reader, passphrase func() ([]byte, error)) (*Key, error) {
	e, err := readOne(r)
	if err != nil {
		return nil, err
	}
	if e.PrivateKey == nil {
		return nil, errors.New("this is a public key; a private one is needed to sign")
	}
	bits, err := e.PrimaryKey.BitLength()
	if err != nil {
		return nil, err
	}
	if e.PrimaryKey.PubKeyAlgo != packet.PubKeyAlgoRSA || e.PrimaryKey.Version != 4 || bits < 2048 || bits > 4096 {
		return nil, errors.New("not an RSA key of 2048 to 4096 bits and version 4: nothing else is understood by every rpm that customers run")
	}
	k := &Key{entity: e, since: newest(e)}
	if err := k.Check(time.Now()); err != nil {
		return nil, err
	}
	if e.PrivateKey.Encrypted {
		pass, err := passphrase()
		if err != nil {
			return nil, fmt.Errorf("ask for the passphrase: %w", err)
		}
		if err := e.PrivateKey.Decrypt(pass); err != nil {
			return nil, ErrPassphrase
		}
	}
	if _, ok := e.SigningKeyById(k.since, e.PrimaryKey.KeyId); !ok {
		return nil, fmt.Errorf("the primary key %X is revoked or may not sign (a subkey is of no use on EL7)", e.PrimaryKey.Fingerprint)
	}
	return k, nil
}

// Check is an error when the key has expired at a time, so that nobody would accept a signature of then.
func (k *Key) Check(at time.Time) error {
	self, _ := k.entity.PrimarySelfSignature()
	if self == nil || self.KeyLifetimeSecs == nil || *self.KeyLifetimeSecs == 0 {
		return nil
	}
	end := k.entity.PrimaryKey.CreationTime.Add(time.Duration(*self.KeyLifetimeSecs) * time.Second).UTC()
	if at.Before(end) {
		return nil
	}
	return fmt.Errorf("%w: %s ended on %s, and a signature of %s would not count", ErrExpired, k.Fingerprint(), end.Format(time.DateOnly), at.UTC().Format(time.DateOnly))
}

// newest returns the time from which the key with its user IDs counts as valid.
func newest(e *openpgp.Entity) time.Time {
	t := e.PrimaryKey.CreationTime
	if sig, _ := e.PrimarySelfSignature(); sig != nil && sig.CreationTime.After(t) {
		t = sig.CreationTime
	}
	return t
}

func readOne(r io.Reader) (*openpgp.Entity, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxKey+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxKey {
		return nil, fmt.Errorf("more than %d bytes are no key", maxKey)
	}
	list, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("not an armored OpenPGP key: %w", err)
	}
	if len(list) != 1 {
		return nil, fmt.Errorf("%d keys in one file, one is expected", len(list))
	}
	return list[0], nil
}

// Generate makes a new key of the given user ID that never expires: RSA-3072, a
// primary key alone. at is its creation time; signatures cannot be older.
func Generate(name, comment, email string, at time.Time) (*Key, error) {
	c := config(at)
	c.Algorithm, c.RSABits = packet.PubKeyAlgoRSA, 3072
	e, err := openpgp.NewEntity(name, comment, email, c)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	e.Subkeys = nil // nobody encrypts to it
	return &Key{entity: e, since: at}, nil
}

func config(at time.Time) *packet.Config {
	salted := false
	return &packet.Config{
		DefaultHash:                           crypto.SHA256,
		Time:                                  func() time.Time { return at },
		NonDeterministicSignaturesViaNotation: &salted,
	}
}

// Fingerprint returns the key's fingerprint in upper case hexadecimal.
func (k *Key) Fingerprint() string {
	return strings.ToUpper(hex.EncodeToString(k.entity.PrimaryKey.Fingerprint))
}

// UserID returns the key's first user ID.
func (k *Key) UserID() string {
	if id := k.entity.PrimaryIdentity(); id != nil {
		return id.Name
	}
	return ""
}

// Demo reports whether this is the key of the demo, which anybody has.
func (k *Key) Demo() bool { return k.Fingerprint() == demoFingerprint }

// Public returns the armored public key, which ends with a newline: without it
// EL7 does not import it.
func (k *Key) Public() ([]byte, error) {
	return armored(openpgp.PublicKeyType, k.entity.Serialize)
}

// Private returns the armored private key, unprotected when passphrase is empty.
func (k *Key) Private(passphrase []byte) ([]byte, error) {
	if len(passphrase) > 0 {
		if err := k.entity.PrivateKey.Encrypt(passphrase); err != nil {
			return nil, fmt.Errorf("protect the key: %w", err)
		}
		defer k.entity.PrivateKey.Decrypt(passphrase) //nolint:errcheck // it was open before
	}
	return armored(openpgp.PrivateKeyType, func(w io.Writer) error {
		return k.entity.SerializePrivateWithoutSigning(w, nil)
	})
}

func armored(kind string, write func(io.Writer) error) ([]byte, error) {
	var b bytes.Buffer
	w, err := armor.Encode(&b, kind, nil)
	if err != nil {
		return nil, err
	}
	if err := write(w); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}
