// Package random draws values for configuration files. It promises that every value of a form is as
// likely as any other.
package random

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"

	"onerpm/internal/manifest"
)

// Draw returns a value of the form that v says.
func Draw(r io.Reader, v manifest.Value) (string, error) {
	switch v.As {
	case manifest.RandomBase64:
		b, err := read(r, v.Random)
		return base64.StdEncoding.EncodeToString(b), err
	case manifest.RandomDistinct:
		return distinct(r, v.Random)
	}
	b, err := read(r, (v.Random+1)/2)
	return hex.EncodeToString(b)[:min(v.Random, 2*len(b))], err
}

func read(r io.Reader, n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("read random bytes: %w", err)
	}
	return b, nil
}

// distinct returns n different letters and digits: the first n of all of them, shuffled
// (Fisher and Yates; the bytes that would prefer some places are left out).
func distinct(r io.Reader, n int) (string, error) {
	all := []byte(manifest.LettersAndDigits)
	for i := range n {
		left := len(all) - i
		limit := 256 - 256%left
		for try := 0; ; try++ {
			b, err := read(r, 1)
			if err != nil {
				return "", err
			}
			if try == maxTries {
				return "", fmt.Errorf("read random bytes: %d in a row are of no use", try)
			}
			if int(b[0]) < limit {
				j := i + int(b[0])%left
				all[i], all[j] = all[j], all[i]
				break
			}
		}
	}
	return string(all[:n]), nil
}

// maxTries bounds how many bytes are read for one place. Fewer than half of all bytes are left
// out, so a source of random bytes never comes to it.
const maxTries = 1000
