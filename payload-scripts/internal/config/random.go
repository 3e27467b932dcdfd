package config

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"

	"onerpm/internal/manifest"
)

// maxRandom is the longest random value: hexadecimal characters, or bytes in base64.
const maxRandom = 4096

// draw returns the random value of a key: what was drawn for it before, or a new one, which
// is noted in in.Drawn.
func (in Input) draw(key string, v manifest.Value) (string, error) {
	if text, drawn := in.Drawn[key]; drawn {
		return text, nil
	}
	text, err := random(in.Random, v)
	if err == nil && in.Drawn != nil {
		in.Drawn[key] = text
	}
	return text, err
}

func random(r io.Reader, v manifest.Value) (string, error) {
	switch v.As {
	case manifest.RandomBase64:
		b, err := randomBytes(r, v.Random)
		return base64.StdEncoding.EncodeToString(b), err
	case manifest.RandomDistinct:
		return distinct(r, v.Random)
	}
	b, err := randomBytes(r, (v.Random+1)/2)
	return hex.EncodeToString(b)[:min(v.Random, 2*len(b))], err
}

func randomBytes(r io.Reader, n int) ([]byte, error) {
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
			b, err := randomBytes(r, 1)
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
