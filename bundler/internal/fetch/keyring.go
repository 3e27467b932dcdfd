package fetch

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/rpmfile"
)

// maxKeyring bounds a file of keys, in bytes.
const maxKeyring = 4 << 20

// Keyring is a set of OpenPGP public keys.
type Keyring struct{ keys openpgp.EntityList }

// ReadKeyring reads armored public keys: one block or several after one another.
func ReadKeyring(r io.Reader) (*Keyring, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxKeyring+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxKeyring {
		return nil, fmt.Errorf("more than %d bytes of keys", maxKeyring)
	}
	k := &Keyring{}
	in := bufio.NewReader(bytes.NewReader(b))
	for {
		block, err := armor.Decode(in)
		if errors.Is(err, io.EOF) && len(k.keys) > 0 {
			return k, nil
		}
		if err != nil {
			return nil, fmt.Errorf("not an armored public key: %w", err)
		}
		list, err := openpgp.ReadKeyRing(block.Body)
		if err != nil {
			return nil, fmt.Errorf("read a public key: %w", err)
		}
		if _, err := io.Copy(io.Discard, block.Body); err != nil {
			return nil, fmt.Errorf("read a public key: %w", err)
		}
		k.keys = append(k.keys, list...)
	}
}

// Has reports whether the keyring has the key of a fingerprint, in hex.
func (k *Keyring) Has(fingerprint string) bool { return k.find(fingerprint) != nil }

// find returns the key that a fingerprint means: its own, or one of its subkeys'.
func (k *Keyring) find(fingerprint string) *openpgp.Entity {
	if k == nil {
		return nil
	}
	for _, e := range k.keys {
		if same(e.PrimaryKey, fingerprint) {
			return e
		}
		for _, s := range e.Subkeys {
			if same(s.PublicKey, fingerprint) {
				return e
			}
		}
	}
	return nil
}

func same(key *packet.PublicKey, fingerprint string) bool {
	return strings.EqualFold(hex.EncodeToString(key.Fingerprint), strings.ReplaceAll(fingerprint, " ", ""))
}

// VerifySignature demands that a package's header was signed by the key of a
// fingerprint (hex): by the key itself or, when it is a primary key's, by a subkey. Validity
// is judged as of the signature's time: a key that has expired since does not unsign what it signed.
// The exit code is exit.Mismatch; exit.Spec when the keyring does not have the key.
func VerifySignature(h *rpmfile.Header, k *Keyring, fingerprint string) error {
	entity := k.find(fingerprint)
	if entity == nil {
		return exit.Errorf(exit.Spec, "add the public key to the keyring that versions/product.yaml names", "the release names key %s, which is not in the keyring", fingerprint)
	}
	sig := h.Signature.Bytes(rpmpkg.SigRSA)
	if sig == nil {
		sig = h.Signature.Bytes(rpmpkg.SigDSA)
	}
	if sig == nil {
		what := "the package is not signed"
		if h.Signature.Has(rpmpkg.SigPGP) || h.Signature.Has(rpmpkg.SigGPG) {
			what = "the package's header is not signed, only header and payload together, which rpm no longer checks"
		}
		return exit.Errorf(exit.Mismatch, "sign it with rpmsign --addsign and run bundler lock RELEASE --update, or take the key out of the release", "%s, the release demands key %s", what, fingerprint)
	}
	if err := checkSignature(bytes.NewReader(h.Main.Raw()), sig, entity, fingerprint); err != nil {
		return exit.With(exit.Mismatch, fmt.Errorf("not a good signature by key %s: %w", fingerprint, err),
			"get the package from where that key signs, or correct the key in the release")
	}
	return nil
}

// verifyPayload demands that the payload is signed as well. Mostly the signed
// header has the payload's digest, and nothing is left to do. Packages of before rpm 4.14 (EL7) have none;
// of them the second signature, of header and payload together, is checked.
func verifyPayload(h *rpmpkg.Package, payload io.Reader, k *Keyring, fingerprint string) error {
	if slices.ContainsFunc(h.Verified, func(s string) bool { return strings.HasPrefix(s, "payload ") }) {
		return nil
	}
	sig := h.Signature.Bytes(rpmpkg.SigPGP)
	if sig == nil {
		sig = h.Signature.Bytes(rpmpkg.SigGPG)
	}
	if sig == nil {
		return exit.Errorf(exit.Mismatch, "sign it again with rpmsign --rpmv3 --addsign and run bundler lock RELEASE --update, or take the key out of the release",
			"the signature covers the package's header only, and nothing in it binds the payload")
	}
	if err := checkSignature(io.MultiReader(bytes.NewReader(h.Main.Raw()), payload), sig, k.find(fingerprint), fingerprint); err != nil {
		return exit.With(exit.Mismatch, fmt.Errorf("not a good signature of header and payload by key %s: %w", fingerprint, err),
			"get the package from where that key signs, or correct the key in the release")
	}
	return nil
}

func checkSignature(signed io.Reader, sig []byte, entity *openpgp.Entity, fingerprint string) error {
	if old, err := parseV3(sig); err == nil {
		return old.verify(signed, entity, fingerprint)
	}
	p, err := packet.Read(bytes.NewReader(sig))
	if err != nil {
		return fmt.Errorf("read it: %w", err)
	}
	s, ok := p.(*packet.Signature)
	if !ok {
		return errors.New("it is not a signature")
	}
	config := &packet.Config{Time: func() time.Time { return s.CreationTime }}
	made, _, err := openpgp.VerifyDetachedSignature(openpgp.EntityList{entity}, signed, bytes.NewReader(sig), config)
	if err != nil {
		return err
	}
	if same(entity.PrimaryKey, fingerprint) {
		return nil
	}
	for _, sub := range entity.Subkeys {
		if same(sub.PublicKey, fingerprint) && made.IssuerKeyId != nil && *made.IssuerKeyId == sub.PublicKey.KeyId {
			return nil
		}
	}
	return errors.New("another key of the same owner made it")
}
