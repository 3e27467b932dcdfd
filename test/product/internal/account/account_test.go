package account

import (
	"testing"

	"onerpm/test/product/internal/settings"
)

var host = settings.Security{HashSalt: "salt", EncodingAlphabet: "qwertyuiop", EncodingMinLength: 5}

func TestPasswordDependsOnHashSalt(t *testing.T) {
	t.Parallel()
	stored, err := HashPassword(host, "secret")
	if err != nil {
		t.Fatal(err)
	}
	other := host
	other.HashSalt = "pepper"
	for _, c := range []struct {
		sec      settings.Security
		stored   string
		password string
		want     bool
	}{
		{host, stored, "secret", true},
		{host, stored, "Secret", false},
		{other, stored, "secret", false},
		{host, "", "", false},
		{host, "pbkdf2_sha256$zz$00", "secret", false},
		{host, "md5$00$00", "secret", false},
	} {
		if got := CheckPassword(c.sec, c.stored, c.password); got != c.want {
			t.Errorf("salt %s, stored %q, password %q: %v", c.sec.HashSalt, c.stored, c.password, got)
		}
	}
}

func TestTokenDependsOnTheHost(t *testing.T) {
	t.Parallel()
	for _, id := range []int{0, 1, 9, 10, 12345} {
		token := Token(host, id, "key")
		if got, ok := TokenUser(host, token); !ok || got != id {
			t.Errorf("token %s of user %d is read as %d's", token, id, got)
		}
		other := host
		other.EncodingAlphabet = "poiuytrewq"
		if SameToken(token, Token(other, id, "key")) || SameToken(token, Token(host, id, "other key")) {
			t.Errorf("user %d has the same token on another host, or with another key", id)
		}
	}
}

// Whatever a client sends, nobody is taken for a user whose token it is not.
func FuzzTokenUser(f *testing.F) {
	for _, s := range []string{"", "-", "qqqqq-0", "e-", "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq-1", Token(host, 7, "key")} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if id, ok := TokenUser(host, token); ok && id < 0 {
			t.Errorf("%q gives %d", token, id)
		}
	})
}
