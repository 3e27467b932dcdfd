package rpmpkg

import (
	"crypto"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"

	"onerpm/internal/rpmfile"
)

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
// the headers. Errors are *rpmfile.FormatError, *DigestError, or what r returned.
func Verify(r io.Reader) (*Package, error) { return verify(r, true) }

// VerifyPinned is Verify for a file whose own SHA-256 the caller compares with one
// that is trusted, and that was verified when that was noted. It leaves out the MD5, which costs more
// than all other digests together, when the payload has a better one.
func VerifyPinned(r io.Reader) (*Package, error) { return verify(r, false) }

// VerifyHeader is Read, and checks the digests of the header. The payload is left to a caller that compares the whole
// file with a digest which was noted when Verify had found it good.
func VerifyHeader(r io.Reader) (*Package, error) {
	h, err := rpmfile.Read(r)
	if err != nil {
		return nil, err
	}
	v := verifier{Header: h}
	if err := v.verifyHeader(); err != nil {
		return nil, err
	}
	return v.result()
}

func verify(r io.Reader, everything bool) (*Package, error) {
	h, err := rpmfile.Read(r)
	if err != nil {
		return nil, err
	}
	v := verifier{Header: h}
	if err := v.verifyHeader(); err != nil {
		return nil, err
	}
	payload, sums := io.Discard, v.payloadSums(everything)
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
	if err := v.verifySize(n); err != nil {
		return nil, err
	}
	for _, s := range sums {
		if err := v.compare(s.what, hex.EncodeToString(s.hash.Sum(nil)), s.want); err != nil {
			return nil, err
		}
	}
	return v.result()
}

// verifier compares a package's bytes with its digests, before anything else is believed of it.
type verifier struct {
	*rpmfile.Header
	verified []string
}

func (v *verifier) result() (*Package, error) {
	p, err := newPackage(v.Header)
	if err != nil {
		return nil, err
	}
	p.Verified = v.verified
	return p, nil
}

func (v *verifier) verifyHeader() error {
	for _, d := range []struct {
		tag  rpmfile.Tag
		algo crypto.Hash
	}{{SigSHA1, crypto.SHA1}, {SigSHA256, crypto.SHA256}} {
		if !v.Signature.Has(d.tag) {
			continue
		}
		sum := d.algo.New()
		sum.Write(v.Main.Raw())
		if err := v.compare("header "+d.algo.String(), hex.EncodeToString(sum.Sum(nil)), v.Signature.String(d.tag)); err != nil {
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

func (v *verifier) payloadSums(everything bool) []payloadSum {
	var sums []payloadSum
	if v.Signature.Has(SigMD5) && (everything || !v.Main.Has(tagPayloadDigest)) {
		sum := crypto.MD5.New()
		sum.Write(v.Main.Raw())
		sums = append(sums, payloadSum{"MD5 of header and payload", hex.EncodeToString(v.Signature.Bytes(SigMD5)), sum})
	}
	if algo := payloadAlgo(v.Header); algo != 0 {
		sums = append(sums, payloadSum{"payload " + algo.String(), v.Main.String(tagPayloadDigest), algo.New()})
	}
	return sums
}

func (v *verifier) verifySize(payload int64) error {
	want, ok := v.Signature.Int(SigLongSize)
	if !ok {
		want, ok = v.Signature.Int(SigSize)
	}
	if !ok {
		return nil
	}
	got := strconv.FormatInt(int64(len(v.Main.Raw()))+payload, 10)
	return v.compare("size of header and payload", got, strconv.FormatUint(want, 10))
}

func (v *verifier) compare(what, got, want string) error {
	if !strings.EqualFold(got, want) {
		return &DigestError{What: what, Got: got, Want: shorten(want)}
	}
	v.verified = append(v.verified, what)
	return nil
}

// shorten bounds what an error shows of a digest that a file states.
func shorten(s string) string {
	if len(s) > 80 {
		return s[:80] + "..."
	}
	return s
}

// HasPayloadDigest reports whether the header has a digest of the payload that Verify checks: then a signature of the
// header holds for both.
func (p *Package) HasPayloadDigest() bool { return payloadAlgo(p.Header) != 0 }

// payloadAlgo returns the algorithm of the payload's digest in the header, 0 for none that is known.
func payloadAlgo(h *rpmfile.Header) crypto.Hash {
	if !h.Main.Has(tagPayloadDigest) {
		return 0
	}
	if n, ok := h.Main.Int(tagPayloadDigestAlgo); ok {
		return rpmfile.Hashes[n]
	}
	return crypto.SHA256 // rpm's default
}
