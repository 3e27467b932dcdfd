package rpmcheck_test

import (
	"bytes"
	"crypto"
	"reflect"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/google/rpmpack"

	"onerpm/bundler/internal/rpmcheck"
)

func TestUnreadable(t *testing.T) {
	t.Parallel()
	needs := func(text string) pkg { return pkg{name: "p", requires: []relation{{text: text}}} }
	signed := func(algorithm packet.PublicKeyAlgorithm) pkg {
		entity, err := openpgp.NewEntity("test", "", "test@example.org", &packet.Config{Algorithm: algorithm, RSABits: 2048, Curve: packet.Curve25519, DefaultHash: crypto.SHA256})
		if err != nil {
			t.Fatal(err)
		}
		return pkg{name: "p", custom: func(r *rpmpack.RPM) {
			r.SetPGPSigner(func(data []byte) ([]byte, error) {
				var b bytes.Buffer
				err := openpgp.DetachSign(&b, entity, bytes.NewReader(data), nil)
				return b.Bytes(), err
			})
		}}
	}
	const unreadable = ": it cannot read the package, even without checking it"
	for name, tt := range map[string]struct {
		pkg  pkg
		want map[string][]string // platforms that are not here can read it
	}{
		"plain":                  {pkg{name: "p"}, nil},
		"xz":                     {pkg{name: "p", compressor: "xz"}, nil},
		"zstd that is not told":  {pkg{name: "p", compressor: "zstd"}, map[string][]string{"el7.x86_64": {"has a payload compressed with zstd"}}},
		"zstd":                   {pkg{name: "p", compressor: "zstd", requires: []relation{{text: "rpmlib(PayloadIsZstd) <= 5.4.18-1"}}}, map[string][]string{"el7.x86_64": {"needs rpmlib(PayloadIsZstd) <= 5.4.18-1"}}},
		"boolean dependencies":   {needs("rpmlib(RichDependencies) <= 4.12.0-1"), map[string][]string{"el7.x86_64": {"needs rpmlib(RichDependencies) <= 4.12.0-1"}}},
		"a feature of old":       {needs("rpmlib(FileDigests) <= 4.6.0-1"), nil},
		"a later feature of old": {needs("rpmlib(FileDigests) >= 5"), map[string][]string{"el7.x86_64": {"needs rpmlib(FileDigests) >= 5"}, "el8.x86_64": {"needs rpmlib(FileDigests) >= 5"}, "el9.aarch64": {"needs rpmlib(FileDigests) >= 5"}, "el10.x86_64": {"needs rpmlib(FileDigests) >= 5"}}},
		"none of rpm's":          {needs("rpmlib(Nothing) <= 1-1"), map[string][]string{"el7.x86_64": {"needs rpmlib(Nothing) <= 1-1"}, "el8.x86_64": {"needs rpmlib(Nothing) <= 1-1"}, "el9.aarch64": {"needs rpmlib(Nothing) <= 1-1"}, "el10.x86_64": {"needs rpmlib(Nothing) <= 1-1"}}},
		"that may be missing":    {pkg{name: "p", requires: []relation{{text: "rpmlib(Nothing) <= 1-1", optional: true}}}, nil},
		"signed with RSA":        {signed(packet.PubKeyAlgoRSA), nil},
		"signed with Ed25519": {signed(packet.PubKeyAlgoEdDSA), map[string][]string{
			"el7.x86_64": {"has a signature in signature tag 268 that is made with Ed25519" + unreadable, "has a signature in signature tag 1002 that is made with Ed25519" + unreadable},
			"el8.x86_64": {"has a signature in signature tag 268 that is made with Ed25519" + unreadable, "has a signature in signature tag 1002 that is made with Ed25519" + unreadable}}},
	} {
		h := tt.pkg.header(t)
		for _, platform := range []string{"el7.x86_64", "el8.x86_64", "el9.aarch64", "el10.x86_64", "other1.x86_64"} {
			if got := rpmcheck.Unreadable(h, platform); !reflect.DeepEqual(got, tt.want[platform]) {
				t.Errorf("%s on %s:\ngot  %q\nwant %q", name, platform, got, tt.want[platform])
			}
		}
	}
}
