package random

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"onerpm/internal/manifest"
)

func TestForms(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 31, 32} {
		text, err := Draw(rand.Reader, manifest.Value{Random: n})
		if _, odd := hex.DecodeString(text + strings.Repeat("0", n%2)); err != nil || odd != nil || len(text) != n {
			t.Errorf("%d hexadecimal characters: %q %v", n, text, err)
		}
		text, err = Draw(rand.Reader, manifest.Value{Random: n, As: manifest.RandomBase64})
		if b, odd := base64.StdEncoding.DecodeString(text); err != nil || odd != nil || len(b) != n {
			t.Errorf("%d bytes in base64: %q %v", n, text, err)
		}
		text, err = Draw(rand.Reader, manifest.Value{Random: n, As: manifest.RandomDistinct})
		if err != nil || len(text) != n {
			t.Errorf("%d different characters: %q %v", n, text, err)
		}
		for i, c := range text {
			if !strings.ContainsRune(manifest.LettersAndDigits, c) || strings.ContainsRune(text[i+1:], c) {
				t.Errorf("%d different characters: %q", n, text)
			}
		}
	}
}

// TestDistinctIsFair: each character comes to the first place about as often as any other.
func TestDistinctIsFair(t *testing.T) {
	t.Parallel()
	const draws = 62 * 300
	count := map[byte]int{}
	for range draws {
		text, err := distinct(rand.Reader, 1)
		if err != nil {
			t.Fatal(err)
		}
		count[text[0]]++
	}
	for _, c := range []byte(manifest.LettersAndDigits) {
		if count[c] < 200 || count[c] > 400 { // 300, and five and a half times its deviation on either side
			t.Errorf("%c came %d times of %d", c, count[c], draws)
		}
	}
}

func TestSourcesThatFail(t *testing.T) {
	t.Parallel()
	for _, as := range append([]string{""}, manifest.RandomForms...) {
		if text, err := Draw(strings.NewReader(""), manifest.Value{Random: 4, As: as}); err == nil || !strings.Contains(err.Error(), "read random bytes") {
			t.Errorf("%q: %q %v", as, text, err)
		}
	}
	if _, err := distinct(stuck{}, 3); err == nil || !strings.Contains(err.Error(), "of no use") {
		t.Errorf("a source that says 255 for ever: %v", err)
	}
}

// stuck is a source of random bytes that are of no use.
type stuck struct{}

func (stuck) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 255
	}
	return len(p), nil
}
