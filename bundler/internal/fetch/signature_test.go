package fetch_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/google/rpmpack"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/fetch"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/rpmfile"
)

var signedAt = time.Unix(1500000000, 0)

// newKey makes an RSA key that lives for a number of seconds, 0 for ever.
func newKey(t testing.TB, lifetime uint32) *openpgp.Entity {
	t.Helper()
	c := &packet.Config{RSABits: 2048, Time: func() time.Time { return signedAt.Add(-time.Hour) }, KeyLifetimeSecs: lifetime}
	e, err := openpgp.NewEntity("Tester", "", "tester@example.com", c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func fingerprint(e *openpgp.Entity) string { return hex.EncodeToString(e.PrimaryKey.Fingerprint) }

func armored(t testing.TB, keys ...*openpgp.Entity) []byte {
	t.Helper()
	var buf bytes.Buffer
	for _, e := range keys {
		w, err := armor.Encode(&buf, openpgp.PublicKeyType, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Serialize(w); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		buf.WriteString("\n")
	}
	return buf.Bytes()
}

func keyring(t testing.TB, keys ...*openpgp.Entity) *fetch.Keyring {
	t.Helper()
	k, err := fetch.ReadKeyring(bytes.NewReader(armored(t, keys...)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// v4 signs as rpm of today does.
func v4(e *openpgp.Entity, hash crypto.Hash) func(*rpmpack.RPM) {
	return func(r *rpmpack.RPM) {
		r.SetPGPSigner(func(b []byte) ([]byte, error) {
			var buf bytes.Buffer
			err := openpgp.DetachSign(&buf, e, bytes.NewReader(b), &packet.Config{DefaultHash: hash, Time: func() time.Time { return signedAt }})
			return buf.Bytes(), err
		})
	}
}

// v3 signs as rpm up to EL7 did, with SHA-256 or SHA-1.
func v3(t testing.TB, e *openpgp.Entity, hash crypto.Hash) func(*rpmpack.RPM) {
	return func(r *rpmpack.RPM) {
		r.SetPGPSigner(func(b []byte) ([]byte, error) {
			hashed := binary.BigEndian.AppendUint32([]byte{0}, uint32(signedAt.Unix()))
			h, id := hash.New(), map[crypto.Hash]byte{crypto.SHA1: 2, crypto.SHA256: 8}[hash]
			h.Write(b)
			h.Write(hashed)
			digest := h.Sum(nil)
			value, err := rsa.SignPKCS1v15(rand.Reader, e.PrivateKey.PrivateKey.(*rsa.PrivateKey), hash, digest)
			if err != nil {
				t.Error(err)
			}
			body := append([]byte{3, 5}, hashed...)
			body = binary.BigEndian.AppendUint64(body, e.PrimaryKey.KeyId)
			body = append(body, 1, id, digest[0], digest[1])
			value = bytes.TrimLeft(value, "\x00")
			bits := len(value)*8 - leadingZeros(value[0])
			body = binary.BigEndian.AppendUint16(body, uint16(bits))
			body = append(body, value...)
			return append(binary.BigEndian.AppendUint16([]byte{0x89}, uint16(len(body))), body...), nil
		})
	}
}

func leadingZeros(b byte) int {
	n := 0
	for ; b&0x80 == 0; b <<= 1 {
		n++
	}
	return n
}

// rpmSays asks rpm itself about the signature of a package.
func rpmSays(t testing.TB, e *openpgp.Entity, data []byte) bool {
	t.Helper()
	dir := t.TempDir()
	key, file := filepath.Join(dir, "key.asc"), filepath.Join(dir, "p.rpm")
	write(t, key, armored(t, e))
	write(t, file, data)
	if out, err := exec.Command("rpmkeys", "--dbpath", dir, "--import", key).CombinedOutput(); err != nil {
		t.Fatalf("rpmkeys --import %s: %v\n%s", key, err, out)
	}
	out, err := exec.Command("rpmkeys", "--dbpath", dir, "-Kv", file).CombinedOutput()
	if err == nil && !bytes.Contains(out, []byte("Signature, key ID")) {
		t.Fatalf("rpm sees no signature:\n%s", out)
	}
	return err == nil
}

func TestSignature(t *testing.T) {
	t.Parallel()
	_, _ = sha1.New(), sha256.New() // linked in, for crypto.Hash
	ours, other, expired := newKey(t, 0), newKey(t, 0), newKey(t, 2*3600)
	ring := keyring(t, other, ours, expired)
	for _, tt := range []struct {
		name string
		sign func(*rpmpack.RPM)
		key  *openpgp.Entity
		code int
		want string
	}{
		{"version 4", v4(ours, crypto.SHA256), ours, 0, ""},
		{"version 4, SHA-512", v4(ours, crypto.SHA512), ours, 0, ""},
		{"version 3", v3(t, ours, crypto.SHA256), ours, 0, ""},
		{"a key that expired since", v4(expired, crypto.SHA256), expired, 0, ""},
		{"another key, version 4", v4(other, crypto.SHA256), ours, exit.Mismatch, "not a good signature"},
		{"another key, version 3", v3(t, other, crypto.SHA256), ours, exit.Mismatch, "not a good signature"},
		{"SHA-1, version 3", v3(t, ours, crypto.SHA1), ours, exit.Mismatch, "not a good signature"},
		{"unsigned", nil, ours, exit.Mismatch, "not signed"},
		{"a key that nobody has", v4(ours, crypto.SHA256), newKey(t, 0), exit.Spec, "not in the keyring"},
	} {
		var change []func(*rpmpack.RPM)
		if tt.sign != nil {
			change = append(change, tt.sign)
		}
		a := makePackage(t, "a", 100, change...)
		if tt.code == 0 && tt.key == ours && !rpmSays(t, tt.key, a.data) {
			t.Errorf("%s: rpm itself does not take it", tt.name)
		}
		item := a.from(folder(t, a))
		item.Key = strings.ToUpper(fingerprint(tt.key))
		o := quick(t)
		o.Keyring = ring
		_, err := fetch.Files(t.Context(), []fetch.Item{item}, o)
		if exit.Code(err) != tt.code || err != nil && (!strings.Contains(err.Error(), tt.want) || exit.Hint(err) == "") {
			t.Errorf("%s: code %d: %v", tt.name, exit.Code(err), err)
		}
		item.Key = ""
		if _, err := fetch.Files(t.Context(), []fetch.Item{item}, quick(t)); err != nil {
			t.Errorf("%s, no key demanded: %v", tt.name, err)
		}
	}
}

// TestSignatureDamaged: no bit of a signature, or of what it signs, can be changed.
func TestSignatureDamaged(t *testing.T) {
	t.Parallel()
	ours := newKey(t, 0)
	ring := keyring(t, ours)
	for name, sign := range map[string]func(*rpmpack.RPM){"version 4": v4(ours, crypto.SHA256), "version 3": v3(t, ours, crypto.SHA256)} {
		h, err := rpmfile.Read(bytes.NewReader(makePackage(t, "a", 100, sign).data))
		if err != nil {
			t.Fatal(err)
		}
		if err := fetch.VerifySignature(h, ring, fingerprint(ours)); err != nil {
			t.Fatal(err)
		}
		packet := h.Signature.Bytes(rpmpkg.SigRSA)
		number := 256 // bytes of the signature itself, at the end; fewer when it begins with zeros (RFC 9580, section 3.2)
		for (int(binary.BigEndian.Uint16(packet[len(packet)-number-2:]))+7)/8 != number {
			number--
		}
		for _, part := range [][]byte{packet, h.Main.Raw()[:200]} {
			for i := range part {
				part[i] ^= 1
				err := fetch.VerifySignature(h, ring, fingerprint(ours))
				part[i] ^= 1
				// The unsigned part of a version 4 packet, and a hint at the digest, carry no weight.
				if err == nil && (len(part) == 200 || i >= len(part)-number) {
					t.Errorf("%s: byte %d of %d is changed and the signature still good", name, i, len(part))
				}
			}
		}
	}
}

// TestPayloadSigned: of a package whose header does not bind the payload, as EL7 made
// them, the signature of header and payload counts.
func TestPayloadSigned(t *testing.T) {
	t.Parallel()
	ours := newKey(t, 0)
	unbound := func(r *rpmpack.RPM) {
		r.AddCustomTag(5093, rpmpack.EntryInt32([]int32{99}))
	}
	for _, tt := range []struct {
		name   string
		change []func(*rpmpack.RPM)
		damage bool
		want   string
	}{
		{"version 3", []func(*rpmpack.RPM){unbound, v3(t, ours, crypto.SHA256)}, false, ""},
		{"version 4", []func(*rpmpack.RPM){unbound, v4(ours, crypto.SHA256)}, false, ""},
		{"version 3, damaged", []func(*rpmpack.RPM){unbound, v3(t, ours, crypto.SHA256)}, true, "header and payload by key"},
		{"version 4, damaged", []func(*rpmpack.RPM){unbound, v4(ours, crypto.SHA256)}, true, "header and payload by key"},
	} {
		a := makePackage(t, "a", 100, tt.change...)
		if tt.damage {
			a.data[len(a.data)-9] ^= 1
			a = a.pinned()
		}
		s := serve(t, a)
		for _, source := range []string{folder(t, a), s.URL} {
			item := a.from(source)
			item.Key = fingerprint(ours)
			o := quick(t)
			o.Keyring = keyring(t, ours)
			_, err := fetch.Files(t.Context(), []fetch.Item{item}, o)
			if tt.want == "" && err != nil || tt.want != "" && (exit.Code(err) != exit.Mismatch || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%s from %s: %v", tt.name, source, err)
			}
		}
	}
}

// TestRpmsign checks what rpm's own tool makes, with gpg: by a subkey, and by an Ed25519 key.
func TestRpmsign(t *testing.T) {
	t.Parallel()
	a := makePackage(t, "a", 100)
	for _, algo := range []string{"rsa2048", "ed25519"} {
		home, err := os.MkdirTemp("", "gpg") // short: gpg's socket lies in it
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
			_ = os.RemoveAll(home)
		})
		gpg := func(args ...string) []byte {
			out, err := exec.Command("gpg", append([]string{"--homedir", home, "--batch", "--quiet", "--passphrase", ""}, args...)...).Output()
			if err != nil {
				t.Fatalf("gpg %v: %v", args, err)
			}
			return out
		}
		gpg("--quick-generate-key", "Signer <signer@example.com>", algo, "cert", "never")
		primary := colon(gpg("--with-colons", "--list-keys"), "fpr", 1)
		gpg("--quick-add-key", primary, algo, "sign", "never")
		sub := colon(gpg("--with-colons", "--list-keys"), "fpr", 2)
		gpg("--quick-add-key", primary, algo, "sign", "never")
		unused := colon(gpg("--with-colons", "--list-keys"), "fpr", 3)
		ring, err := fetch.ReadKeyring(bytes.NewReader(gpg("--armor", "--export")))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "a.rpm")
		write(t, file, a.data)
		program, err := exec.LookPath("gpg")
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("rpmsign", "--addsign", "--define", "_gpg_name "+sub+"!", "--define", "_gpg_path "+home, "--define", "__gpg "+program, file)
		cmd.Env = append(os.Environ(), "GNUPGHOME="+home)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("rpmsign: %v\n%s", err, out)
		}
		signed, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		h, err := rpmpkg.Verify(signed)
		_ = signed.Close()
		if err != nil {
			t.Fatal(err)
		}
		for key, good := range map[string]bool{primary: true, sub: true, unused: false} {
			if err := fetch.VerifySignature(h.Header, ring, key); (err == nil) != good {
				t.Errorf("%s: by %s: %v", algo, key, err)
			}
		}
	}
}

// colon returns the value of the n-th line of a kind in gpg's listing for programs.
func colon(out []byte, kind string, n int) string {
	for line := range strings.Lines(string(out)) {
		if f := strings.Split(line, ":"); f[0] == kind {
			if n--; n == 0 {
				return f[9]
			}
		}
	}
	return ""
}

func TestReadKeyring(t *testing.T) {
	t.Parallel()
	a, b := newKey(t, 0), newKey(t, 0)
	k := keyring(t, a, b)
	if !k.Has(fingerprint(a)) || !k.Has(strings.ToUpper(fingerprint(b))) || k.Has("") || k.Has(fingerprint(newKey(t, 0))) {
		t.Error("not exactly the two keys are in the keyring")
	}
	for _, s := range []string{"", "text", string(armored(t, a)[:300])} {
		if _, err := fetch.ReadKeyring(strings.NewReader(s)); err == nil {
			t.Errorf("%.20q is taken for a keyring", s)
		}
	}
}
