package fetch

import (
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"strconv"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/rpmcheck"
	"onerpm/bundler/internal/rpmpkg"
)

// found is what one reading of a file brought to light.
type found struct {
	sha256  string
	size    int64
	repoSum string          // by the algorithm of the repository's checksum
	header  *rpmpkg.Package // good when rpm is nil
	rpm     error           // what is wrong with it as an rpm
	head    string          // see File.HeadSHA256
}

// examineHead reads the headers of a file of that size which the caller of Files compares with its digest. It is not
// ok when there is more to say about the file than its headers tell: then all of it must be read.
func examineHead(r io.Reader, size int64, it Item, sum *checksum) (f found, ok bool) {
	if size != it.Size || sum != nil && (sum.algo != crypto.SHA256 || sum.hex != it.SHA256) {
		return found{}, false
	}
	digest := sha256.New()
	h, err := rpmpkg.VerifyHeader(io.TeeReader(r, digest))
	if err != nil || rpmcheck.Load(h.Header) != nil || it.Key != "" && !h.HasPayloadDigest() {
		return found{}, false
	}
	return found{sha256: it.SHA256, repoSum: it.SHA256, size: size, header: h, head: hex.EncodeToString(digest.Sum(nil))}, true
}

// examine reads r once, to its end, and computes everything there is to know. The
// error is r's own; what is wrong with the content is in found. pinned says that the release has its SHA-256.
func examine(r io.Reader, sum *checksum, pinned bool) (found, error) {
	digest := sha256.New()
	w := io.Writer(digest)
	var repo hash.Hash
	if sum != nil && sum.algo != crypto.SHA256 {
		repo = sum.algo.New()
		w = io.MultiWriter(digest, repo)
	}
	c := &counter{r: r}
	tee := io.TeeReader(c, w)
	var f found
	verify := rpmpkg.Verify
	if pinned {
		verify = rpmpkg.VerifyPinned
	}
	f.header, f.rpm = verify(tee)
	if f.rpm == nil {
		f.rpm = rpmcheck.Load(f.header.Header)
	}
	if c.err == nil { // a file that is no good rpm is read on to its end: the digest says more
		_, _ = io.Copy(io.Discard, tee)
	}
	if c.err != nil {
		return found{}, c.err
	}
	f.size, f.sha256 = c.n, hex.EncodeToString(digest.Sum(nil))
	if repo != nil {
		f.repoSum = hex.EncodeToString(repo.Sum(nil))
	} else {
		f.repoSum = f.sha256
	}
	return f, nil
}

// counter counts, and remembers how reading ended.
type counter struct {
	r   io.Reader
	n   int64
	err error // but io.EOF
}

// Read reads from r.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// checkBytes compares size and digests with what the release and the repository say.
func (f found) checkBytes(it Item, sum *checksum) error {
	if it.SHA256 != "" {
		if f.size != it.Size {
			return sizeMismatch(f.size, it.Size)
		}
		if f.sha256 != it.SHA256 {
			return &MismatchError{What: "sha256", Got: f.sha256, Want: it.SHA256, By: "the release"}
		}
	}
	if sum != nil && f.repoSum != sum.hex {
		return &MismatchError{What: sum.algo.String(), Got: f.repoSum, Want: sum.hex, By: "its repository"}
	}
	return nil
}

func sizeMismatch(got, want int64) error {
	return &MismatchError{What: "size", Got: strconv.FormatInt(got, 10), Want: strconv.FormatInt(want, 10), By: "the release"}
}

// checkPackage demands that the file is a good rpm, of the right name, signed by
// the right key. content is the file, for the signatures of old that need all of it once more.
func (f found) checkPackage(it Item, keyring *Keyring, content io.ReaderAt) error {
	if f.rpm != nil {
		return exit.With(exit.Mismatch, f.rpm, "the file was damaged before the release was locked: get it again from whoever built it, then run bundler lock RELEASE --update")
	}
	if f.header.Source {
		return exit.Errorf(exit.Mismatch, "name the package that is built of it as the source", "it is a source package, which cannot be installed")
	}
	if f.header.ID != it.ID {
		err := &MismatchError{What: "NEVRA", Got: f.header.NEVRA(), Want: it.NEVRA(), By: "the release"}
		return exit.With(exit.Mismatch, err, "correct the name, evr or arch in the release, or name the right file as its source")
	}
	if it.Key == "" {
		return nil
	}
	if err := VerifySignature(f.header.Header, keyring, it.Key); err != nil || f.head != "" {
		return err
	}
	payload := io.NewSectionReader(content, f.header.PayloadOffset, f.size-f.header.PayloadOffset)
	return verifyPayload(f.header, payload, keyring, it.Key)
}

// file makes the result for an item.
func (f found) file(it Item, path string, reused bool) File {
	it.SHA256, it.Size = f.sha256, f.size
	return File{Item: it, Path: path, Header: f.header, Reused: reused, HeadSHA256: f.head}
}
