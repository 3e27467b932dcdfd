// Package account hashes passwords and makes API tokens the way the demo product
// does: both depend on hash_salt, and tokens on the encoding alphabet too, so a
// host that loses rest-security.conf locks everyone out.
package account

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strings"

	"onerpm/test/product/internal/settings"
)

const (
	scheme  = "pbkdf2_sha256"
	rounds  = 1000 // a demo: every request with a password pays this
	saltLen = 8    // bytes
)

// HashPassword returns the text for users.password.
func HashPassword(sec settings.Security, password string) (string, error) {
	salt := make([]byte, saltLen)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	key, err := derive(sec, password, salt)
	if err != nil {
		return "", err
	}
	return scheme + "$" + hex.EncodeToString(salt) + "$" + hex.EncodeToString(key), nil
}

// CheckPassword tells whether password is the one that stored was made from.
func CheckPassword(sec settings.Security, stored, password string) bool {
	part := strings.Split(stored, "$")
	if len(part) != 3 || part[0] != scheme {
		return false
	}
	salt, err := hex.DecodeString(part[1])
	if err != nil {
		return false
	}
	key, err := derive(sec, password, salt)
	return err == nil && subtle.ConstantTimeCompare([]byte(hex.EncodeToString(key)), []byte(part[2])) == 1
}

func derive(sec settings.Security, password string, salt []byte) ([]byte, error) {
	return pbkdf2.Key(sha256.New, password, append(salt, sec.HashSalt...), rounds, 32)
}

// NewTokenKey returns a value for users.api_token_key.
func NewTokenKey() (string, error) {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		return "", err
	}
	return hex.EncodeToString(b), nil
}

// Token returns the API token of a user: the id in the host's own alphabet, padded
// to encoding_min_length, then a digest of the user's key under hash_salt.
func Token(sec settings.Security, id int, key string) string {
	mac := hmac.New(sha256.New, []byte(sec.HashSalt))
	fmt.Fprintf(mac, "%d:%s", id, key)
	return encode(sec, id) + "-" + hex.EncodeToString(mac.Sum(nil))[:32]
}

// TokenUser returns the id of the user that a token says it belongs to. It proves nothing:
// compare the token with what Token makes of that user.
func TokenUser(sec settings.Security, token string) (int, bool) {
	head, _, ok := strings.Cut(token, "-")
	if !ok || head == "" || len(head) > 64 {
		return 0, false
	}
	id := 0
	for _, c := range head {
		d := strings.IndexRune(sec.EncodingAlphabet, c)
		if d < 0 || id > 1<<32 {
			return 0, false
		}
		id = id*len(sec.EncodingAlphabet) + d
	}
	return id, true
}

// SameToken compares two tokens in constant time.
func SameToken(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func encode(sec settings.Security, id int) string {
	base, out := len(sec.EncodingAlphabet), ""
	for ; id > 0; id /= base {
		out = string(sec.EncodingAlphabet[id%base]) + out
	}
	for len(out) < max(sec.EncodingMinLength, 1) {
		out = string(sec.EncodingAlphabet[0]) + out
	}
	return out
}
