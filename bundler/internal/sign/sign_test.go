package sign_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/bundler/internal/sign"
)

const demo = "../../../test/keys/demo"

var date = time.Date(2017, 11, 20, 0, 0, 0, 0, time.UTC)

func load(t *testing.T, path string, passphrase func() ([]byte, error)) (*sign.Key, error) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sign.Load(bytes.NewReader(b), passphrase)
}

func demoKey(t *testing.T) *sign.Key {
	t.Helper()
	k, err := load(t, demo+".key.asc", nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func public(t *testing.T, k *sign.Key) *sign.Public {
	t.Helper()
	b, err := k.Public()
	if err != nil {
		t.Fatal(err)
	}
	p, err := sign.LoadPublic(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDemoKeyIsMarked(t *testing.T) {
	t.Parallel()
	k := demoKey(t)
	if !k.Demo() || !public(t, k).Demo() || !strings.Contains(k.UserID(), "do not trust") {
		t.Errorf("the demo key is %q", k.UserID())
	}
	for _, name := range []string{demo + ".key.asc", demo + ".pub.asc"} {
		if b, err := os.ReadFile(name); err != nil || !bytes.HasSuffix(b, []byte("-----\n")) {
			t.Errorf("%s: does not end with a newline, which EL7 asks for (%v)", name, err)
		}
	}
}

func TestHeaderSignature(t *testing.T) {
	t.Parallel()
	k := demoKey(t)
	content := []byte("a header")
	a, err := k.Header(content, date)
	if err != nil {
		t.Fatal(err)
	}
	b, err := k.Header(content, date)
	if err != nil || !bytes.Equal(a, b) {
		t.Errorf("two signatures of the same differ (%v)", err)
	}
	p := public(t, k)
	if err := p.Verify(content, a); err != nil {
		t.Error(err)
	}
	if err := p.Verify([]byte("another"), a); !errors.Is(err, sign.ErrSignature) {
		t.Errorf("of other bytes: %v", err)
	}
	for i := range a {
		bad := bytes.Clone(a)
		bad[i] ^= 1
		if err := p.Verify(content, bad); err == nil && i > 200 { // what is before may be unhashed
			t.Errorf("byte %d changed and it still checks", i)
		}
	}
	if id, err := sign.Signer(a); err != nil || !strings.HasSuffix(p.Fingerprint(), id) {
		t.Errorf("signer %s, %v", id, err)
	}
	if _, err := sign.Signer([]byte("junk")); err == nil {
		t.Error("junk has a signer")
	}
}

// A bundle of an old release signed with a younger key: no signature is older than its key.
func TestKeyYoungerThanRelease(t *testing.T) {
	t.Parallel()
	k, err := sign.Generate("Young", "", "young@example.invalid", date.AddDate(5, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	s, err := k.Header([]byte("x"), date)
	if err != nil {
		t.Fatal(err)
	}
	if err := public(t, k).Verify([]byte("x"), s); err != nil {
		t.Error(err)
	}
}

// gpgHome makes an empty home for gpg whose agent ends with the test.
func gpgHome(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		if out, err := exec.Command("gpgconf", "--homedir", dir, "--kill", "all").CombinedOutput(); err != nil {
			t.Errorf("stop gpg's agent: %v\n%s", err, out)
		}
	})
	return dir
}

func TestDetachedChecksWithGpg(t *testing.T) {
	t.Parallel()
	dir := gpgHome(t)
	content := []byte("a companion\n")
	s, err := demoKey(t).Detached(content, date)
	if err != nil {
		t.Fatal(err)
	}
	if err := public(t, demoKey(t)).VerifyDetached(bytes.NewReader(content), s); err != nil {
		t.Error(err)
	}
	if err := public(t, demoKey(t)).VerifyDetached(strings.NewReader("other"), s); !errors.Is(err, sign.ErrSignature) {
		t.Errorf("of other bytes: %v", err)
	}
	for name, b := range map[string][]byte{"c": content, "c.asc": s} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"gpg", "--homedir", dir, "--batch", "--import", demo + ".pub.asc"},
		{"gpg", "--homedir", dir, "--batch", "--verify", filepath.Join(dir, "c.asc"), filepath.Join(dir, "c")},
	} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}

func TestPassphrase(t *testing.T) {
	t.Parallel()
	b, err := demoKey(t).Private([]byte("correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := load(t, path, func() ([]byte, error) { return []byte("correct horse"), nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Header([]byte("x"), date); err != nil {
		t.Error(err)
	}
	if _, err := load(t, path, func() ([]byte, error) { return []byte("battery"), nil }); !errors.Is(err, sign.ErrPassphrase) {
		t.Errorf("a wrong passphrase: %v", err)
	}
	no := errors.New("nobody is there")
	if _, err := load(t, path, func() ([]byte, error) { return nil, no }); !errors.Is(err, no) {
		t.Errorf("no passphrase: %v", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	dir := gpgHome(t)
	gpg := func(args ...string) []byte {
		out, err := exec.CommandContext(t.Context(), "gpg", append([]string{"--homedir", dir, "--batch", "--quiet", "--passphrase", ""}, args...)...).Output()
		if err != nil {
			t.Fatalf("gpg %v: %v", args, err)
		}
		return out
	}
	gpg("--quick-generate-key", "ed@example.invalid", "ed25519", "sign", "never")
	gpg("--quick-generate-key", "short@example.invalid", "rsa1024", "sign", "never")
	pub, err := os.ReadFile(demo + ".pub.asc")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		key  []byte
		want string
	}{
		"empty":   {nil, "not an armored"},
		"junk":    {[]byte("junk"), "not an armored"},
		"public":  {pub, "this is a public key"},
		"ed25519": {gpg("--armor", "--export-secret-keys", "ed@example.invalid"), "RSA"},
		"1024":    {gpg("--armor", "--export-secret-keys", "short@example.invalid"), "2048"},
		"two":     {gpg("--armor", "--export-secret-keys"), "2 keys"},
		"large":   {bytes.Repeat([]byte("x"), 2<<20), "are no key"},
	} {
		if _, err := sign.Load(bytes.NewReader(c.key), nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	// A key that gpg made, as the manual tells people to, signs what rpm and we can check.
	gpg("--quick-generate-key", "good@example.invalid", "rsa3072", "sign", "never")
	k, err := sign.Load(bytes.NewReader(gpg("--armor", "--export-secret-keys", "good@example.invalid")), nil)
	if err != nil {
		t.Fatal(err)
	}
	if k.Demo() {
		t.Error("taken for the demo key")
	}
	s, err := k.Header([]byte("x"), date)
	if err != nil {
		t.Fatal(err)
	}
	if err := public(t, k).Verify([]byte("x"), s); err != nil {
		t.Error(err)
	}
}

// An expired key signs nothing, not even with the date of a day on which it was valid: whoever
// checks looks at the key's time.
func TestExpiredKey(t *testing.T) {
	t.Parallel()
	dir := gpgHome(t)
	gpg := func(args ...string) []byte {
		out, err := exec.CommandContext(t.Context(), "gpg", append([]string{"--homedir", dir, "--batch", "--quiet", "--passphrase", ""}, args...)...).Output()
		if err != nil {
			t.Fatalf("gpg %v: %v", args, err)
		}
		return out
	}
	gpg("--faked-system-time", "20200101T000000!", "--quick-generate-key", "old@example.invalid", "rsa2048", "sign", "1y")
	_, err := sign.Load(bytes.NewReader(gpg("--armor", "--export-secret-keys", "old@example.invalid")), nil)
	if !errors.Is(err, sign.ErrExpired) || !strings.Contains(err.Error(), "ended on 2020-12-31") {
		t.Errorf("a key of 2020: %v", err)
	}
	gpg("--quick-generate-key", "new@example.invalid", "rsa2048", "sign", "1y")
	k, err := sign.Load(bytes.NewReader(gpg("--armor", "--export-secret-keys", "new@example.invalid")), nil)
	if err != nil {
		t.Fatal(err)
	}
	later := time.Now().AddDate(2, 0, 0)
	if err := k.Check(later); !errors.Is(err, sign.ErrExpired) {
		t.Errorf("a day after its end: %v", err)
	}
	if _, err := k.Header([]byte("x"), later); !errors.Is(err, sign.ErrExpired) {
		t.Errorf("a header: %v", err)
	}
	if _, err := k.Detached([]byte("x"), later); !errors.Is(err, sign.ErrExpired) {
		t.Errorf("a file: %v", err)
	}
	if _, err := k.Header([]byte("x"), date); err != nil || k.Check(date) != nil {
		t.Errorf("before its end: %v", err)
	}
}
