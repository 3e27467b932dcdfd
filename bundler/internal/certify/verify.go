package certify

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"onerpm/bundler/internal/intoto"
	"onerpm/bundler/internal/sign"
)

// maxSignature bounds a detached signature, in bytes.
const maxSignature = 64 << 10

// Verify reads a certificate and refuses one that does not say, by the key's word, that the bundle
// with that sha256 passed every scenario on the platform. The message says which of it does not
// hold. Nothing of the statement is looked at before its signature is found good.
func Verify(statement, signature []byte, key *sign.Public, bundleSHA256, platform string) (Certificate, error) {
	c, err := verify(statement, signature, key, bundleSHA256, platform)
	if err != nil {
		return Certificate{}, fmt.Errorf("the certificate for %s does not hold: %w", platform, err)
	}
	return c, nil
}

func verify(statement, signature []byte, key *sign.Public, sum, platform string) (Certificate, error) {
	if len(statement) > intoto.MaxSize || len(signature) > maxSignature {
		return Certificate{}, fmt.Errorf("a statement of %d bytes with a signature of %d is none", len(statement), len(signature))
	}
	if err := key.VerifyDetached(bytes.NewReader(statement), signature); err != nil {
		return Certificate{}, fmt.Errorf("it is not what key %s signed: another key made it, or it was altered: %w", key.Fingerprint(), err)
	}
	s, err := intoto.Decode[Certificate](statement, PredicateType)
	if err != nil {
		return Certificate{}, err
	}
	c := s.Predicate
	if len(s.Subject) != 1 {
		return c, fmt.Errorf("it speaks of %d files, not of one", len(s.Subject))
	}
	if got := s.Subject[0].Digest["sha256"]; got != sum {
		return c, fmt.Errorf("it is for other bytes: sha256 %s, the bundle has %s", got, sum)
	}
	if c.Platform != platform {
		return c, fmt.Errorf("it is for the platform %q", c.Platform)
	}
	return c, c.holds()
}

// holds says whether every scenario is there, once, and passed.
func (c Certificate) holds() error {
	var wrong []error
	seen := map[string]bool{}
	for _, s := range c.Scenarios {
		switch {
		case seen[s.Name]:
			wrong = append(wrong, fmt.Errorf("the scenario %s stands there twice", s.Name))
		case s.Outcome != Passed:
			wrong = append(wrong, fmt.Errorf("the scenario %s %s", s.Name, s.Outcome))
		}
		seen[s.Name] = true
	}
	for _, name := range Names() {
		if !seen[name] && name != WithClients && name != WithAgents { // there are certificates from before there were these, and jumps without agents
			wrong = append(wrong, fmt.Errorf("the scenario %s is missing", name))
		}
	}
	if len(wrong) == 0 && c.Outcome != Passed {
		wrong = append(wrong, fmt.Errorf("its outcome is %q", c.Outcome))
	}
	return errors.Join(wrong...)
}

// Verdict is what the certificates of a bundle come to.
type Verdict struct {
	Good    []Sealed
	Missing []MissingCertificate // empty: the bundle is certified for every platform
}

// Sealed is a certificate that holds, with the files it stands in.
type Sealed struct {
	Certificate
	File      string // name of the statement's file; the signature's has ".asc" behind it
	Statement []byte
	Signature []byte
}

// MissingCertificate is a platform without a certificate that holds, and why.
type MissingCertificate struct{ Platform, Why string }

// VerifyBeside verifies the certificates that lie beside a bundle's file, one for each of the platforms.
// The error is about reading files; a certificate that is not there is a MissingCertificate.
func VerifyBeside(bundle string, key *sign.Public, bundleSHA256 string, platforms []string) (Verdict, error) {
	var v Verdict
	for _, platform := range platforms {
		s := Sealed{File: FileName(bundle, platform)}
		path := filepath.Join(filepath.Dir(bundle), s.File)
		var err error
		if s.Statement, err = readBounded(path, intoto.MaxSize); err == nil {
			s.Signature, err = readBounded(path+".asc", maxSignature)
		}
		if errors.Is(err, fs.ErrNotExist) {
			v.Missing = append(v.Missing, MissingCertificate{platform, fmt.Sprintf("there is no certificate for %s", platform)})
			continue
		}
		if err != nil {
			return v, fmt.Errorf("read the certificate for %s: %w", platform, err)
		}
		if s.Certificate, err = Verify(s.Statement, s.Signature, key, bundleSHA256, platform); err != nil {
			v.Missing = append(v.Missing, MissingCertificate{platform, err.Error()})
			continue
		}
		v.Good = append(v.Good, s)
	}
	return v, nil
}

// readBounded reads a file that has at most limit bytes and one more, so that it shows when there are too many.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	return io.ReadAll(io.LimitReader(f, limit+1))
}
