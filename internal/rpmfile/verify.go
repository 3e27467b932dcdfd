package rpmfile

import (
	"crypto/md5"  // rpm's SIGTAG_MD5 and old file digests
	"crypto/sha1" // rpm's SIGTAG_SHA1
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
)

// Algo is a digest's algorithm, numbered as OpenPGP does (PGPHASHALGO_ in rpm).
type Algo uint32

// The algorithms that rpm uses.
const (
	MD5    Algo = 1
	SHA1   Algo = 2
	SHA256 Algo = 8
	SHA384 Algo = 9
	SHA512 Algo = 10
	SHA224 Algo = 11
)

// New returns the algorithm's hash, nil when it is not one of the constants.
func (a Algo) New() hash.Hash {
	switch a {
	case MD5:
		return md5.New()
	case SHA1:
		return sha1.New()
	case SHA224:
		return sha256.New224()
	case SHA256:
		return sha256.New()
	case SHA384:
		return sha512.New384()
	case SHA512:
		return sha512.New()
	}
	return nil
}

// String returns the algorithm's usual name, e.g. "SHA-256".
func (a Algo) String() string {
	switch a {
	case MD5:
		return "MD5"
	case SHA1:
		return "SHA-1"
	case SHA224:
		return "SHA-224"
	case SHA256:
		return "SHA-256"
	case SHA384:
		return "SHA-384"
	case SHA512:
		return "SHA-512"
	}
	return "digest algorithm " + strconv.Itoa(int(a))
}

// DigestError says that the bytes of a file are not those that its headers promise.
type DigestError struct {
	What      string // e.g. "header SHA-256", "payload SHA-256", "size of header and payload"
	Got, Want string // hex digests, or sizes in bytes
}

// Error says both values.
func (e *DigestError) Error() string {
	return fmt.Sprintf("damaged rpm: %s is %s, the file itself says %s", e.What, e.Got, e.Want)
}

// Verify reads an RPM file to its end and checks every digest and size that its
// headers carry: SHA-1 and SHA-256 of the header, MD5 and size of header and payload, the digest of the
// payload. Which were there is noted in Verified; none at all is no error here. It streams: memory is that of
// the headers. Errors are *FormatError, *DigestError, or what r returned.
func Verify(r io.Reader) (*Header, error) { return verify(r, true) }

// VerifyPinned is Verify for a file whose own SHA-256 the caller compares with one
// that is trusted, and that was verified when that was noted. It leaves out the MD5, which costs more
// than all other digests together, when the payload has a better one.
func VerifyPinned(r io.Reader) (*Header, error) { return verify(r, false) }

func verify(r io.Reader, everything bool) (*Header, error) {
	h, err := VerifyHeader(r)
	if err != nil {
		return nil, err
	}
	payload, sums := io.Discard, h.payloadSums(everything)
	if len(sums) > 0 {
		var all []io.Writer
		for _, s := range sums {
			all = append(all, s.hash)
		}
		payload = io.MultiWriter(all...)
	}
	n, err := io.Copy(payload, r)
	if err != nil {
		return nil, fmt.Errorf("read payload: %w", err)
	}
	if err := h.verifySize(n); err != nil {
		return nil, err
	}
	for _, s := range sums {
		if err := h.compare(s.what, hex.EncodeToString(s.hash.Sum(nil)), s.want); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func (h *Header) verifyHeader() error {
	for _, d := range []struct {
		tag  Tag
		algo Algo
	}{{SigSHA1, SHA1}, {SigSHA256, SHA256}} {
		if !h.Signature.Has(d.tag) {
			continue
		}
		sum := d.algo.New()
		sum.Write(h.Main.raw)
		if err := h.compare("header "+d.algo.String(), hex.EncodeToString(sum.Sum(nil)), h.Signature.String(d.tag)); err != nil {
			return err
		}
	}
	return nil
}

// payloadSum is a digest that the payload takes part in, and what it must come to.
type payloadSum struct {
	what, want string
	hash       hash.Hash
}

func (h *Header) payloadSums(everything bool) []payloadSum {
	var sums []payloadSum
	if h.Signature.Has(SigMD5) && (everything || !h.Main.Has(TagPayloadDigest)) {
		sum := MD5.New()
		sum.Write(h.Main.raw)
		sums = append(sums, payloadSum{"MD5 of header and payload", hex.EncodeToString(h.Signature.Bytes(SigMD5)), sum})
	}
	if algo := payloadAlgo(h); algo.New() != nil {
		sums = append(sums, payloadSum{"payload " + algo.String(), h.Main.String(TagPayloadDigest), algo.New()})
	}
	return sums
}

// payloadAlgo returns the algorithm of the payload's digest in the header, 0 for none.
func payloadAlgo(h *Header) Algo {
	if !h.Main.Has(TagPayloadDigest) {
		return 0
	}
	if v, ok := h.Main.Int(TagPayloadDigestAlgo); ok {
		return Algo(v)
	}
	return SHA256 // rpm's default
}

func (h *Header) verifySize(payload int64) error {
	want, ok := h.Signature.Int(SigLongSize)
	if !ok {
		want, ok = h.Signature.Int(SigSize)
	}
	if !ok {
		return nil
	}
	got := strconv.FormatInt(int64(len(h.Main.raw))+payload, 10)
	return h.compare("size of header and payload", got, strconv.FormatUint(want, 10))
}

func (h *Header) compare(what, got, want string) error {
	if !strings.EqualFold(got, want) {
		return &DigestError{What: what, Got: got, Want: shorten(want)}
	}
	h.Verified = append(h.Verified, what)
	return nil
}

// VerifyHeader is Read, and checks the digests of the header. The payload is left to a caller that compares the whole
// file with a digest which was noted when Verify had found it good.
func VerifyHeader(r io.Reader) (*Header, error) {
	h, err := Read(r)
	if err != nil {
		return nil, err
	}
	if err := h.verifyHeader(); err != nil {
		return nil, err
	}
	return h, nil
}

// HasPayloadDigest reports whether the header has a digest of the payload that Verify checks: then a signature of the
// header holds for both.
func HasPayloadDigest(h *Header) bool { return payloadAlgo(h).New() != nil }
