package fetch

import (
	"crypto"
	"crypto/rsa"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// signatureV3 is an OpenPGP signature of version 3 (RFC 4880, 5.2.2). rpm up to EL7
// made all its signatures so, and go-crypto does not read them any more.
type signatureV3 struct {
	hashed  [5]byte // type and time, which are signed behind the content
	created time.Time
	keyID   uint64
	hash    crypto.Hash
	value   []byte // the RSA number
}

// parseV3 reads one whole signature packet of version 3, RSA, with a hash that is good today.
func parseV3(b []byte) (*signatureV3, error) {
	body, err := signatureBody(b)
	if err != nil {
		return nil, err
	}
	if len(body) < 21 || body[0] != 3 || body[1] != 5 {
		return nil, errors.New("not a signature of version 3")
	}
	s := &signatureV3{
		hashed:  [5]byte(body[2:7]),
		created: time.Unix(int64(binary.BigEndian.Uint32(body[3:])), 0),
		keyID:   binary.BigEndian.Uint64(body[7:]),
	}
	if s.hashed[0] != 0 || body[15] != 1 && body[15] != 3 {
		return nil, errors.New("not an RSA signature of bytes")
	}
	var ok bool
	if s.hash, ok = map[byte]crypto.Hash{8: crypto.SHA256, 9: crypto.SHA384, 10: crypto.SHA512}[body[16]]; !ok {
		return nil, fmt.Errorf("hash algorithm %d is too weak, or not known", body[16])
	}
	bits := int(binary.BigEndian.Uint16(body[19:]))
	if s.value = body[21:]; len(s.value) != (bits+7)/8 {
		return nil, errors.New("its number has another length than it says")
	}
	return s, nil
}

// signatureBody takes the packet's frame off, of the old or the new format.
func signatureBody(b []byte) ([]byte, error) {
	damaged := errors.New("not a signature packet")
	if len(b) < 2 || b[0]&0x80 == 0 {
		return nil, damaged
	}
	tag, size, head := b[0]>>2&0xf, 0, 0
	switch {
	case b[0]&0x40 != 0 && b[1] < 192:
		tag, size, head = b[0]&0x3f, int(b[1]), 2
	case b[0]&0x40 != 0 && b[1] < 224 && len(b) > 2:
		tag, size, head = b[0]&0x3f, (int(b[1])-192)<<8+int(b[2])+192, 3
	case b[0]&0x43 == 0:
		size, head = int(b[1]), 2
	case b[0]&0x43 == 1 && len(b) > 2:
		size, head = int(binary.BigEndian.Uint16(b[1:])), 3
	}
	if tag != 2 || head == 0 || len(b) != head+size {
		return nil, damaged
	}
	return b[head:], nil
}

// verify demands that the key of the fingerprint made the signature of content.
func (s *signatureV3) verify(content io.Reader, entity *openpgp.Entity, fingerprint string) error {
	key, err := s.key(entity, fingerprint)
	if err != nil {
		return err
	}
	public, ok := key.PublicKey.(*rsa.PublicKey)
	if !ok {
		return errors.New("the key is not RSA")
	}
	if public.N.BitLen() < 2048 {
		return fmt.Errorf("an RSA key of %d bits is too short", public.N.BitLen())
	}
	h := s.hash.New()
	if _, err := io.Copy(h, content); err != nil {
		return err
	}
	h.Write(s.hashed[:])
	value := make([]byte, public.Size()) // the number stands without leading zeros
	if len(s.value) > len(value) {
		return errors.New("it is longer than the key")
	}
	copy(value[len(value)-len(s.value):], s.value)
	return rsa.VerifyPKCS1v15(public, s.hash, h.Sum(nil), value)
}

// key picks the key that made the signature, if it is the one demanded and might sign then.
func (s *signatureV3) key(entity *openpgp.Entity, fingerprint string) (*packet.PublicKey, error) {
	key, ok := entity.SigningKeyById(s.created, s.keyID)
	if !ok {
		return nil, fmt.Errorf("key %X made it, which is another one, or revoked, or had expired", s.keyID)
	}
	if !same(entity.PrimaryKey, fingerprint) && !same(key.PublicKey, fingerprint) {
		return nil, errors.New("another key of the same owner made it")
	}
	return key.PublicKey, nil
}
