package fetch

import (
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"onerpm/internal/nevra"
)

const onePackage = `<?xml version="1.0"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="1">
<package type="rpm"><name>a</name><arch>noarch</arch><version epoch="1" ver="4.2.0" rel="ga"/>
<checksum type="sha256" pkgid="YES">e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855</checksum>
<summary>a</summary><location xml:base="https://other/base" href="Packages/a.rpm"/>
<format><rpm:provides><rpm:entry name="a"/></rpm:provides></format></package></metadata>`

func sum(b []byte) *checksum {
	s := sha256.Sum256(b)
	return &checksum{crypto.SHA256, hex.EncodeToString(s[:])}
}

func compressed(t testing.TB, ext string, b []byte) []byte {
	var buf bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&buf)
	if ext == ".zst" {
		z, err := zstd.NewWriter(&buf)
		if err != nil {
			t.Fatal(err)
		}
		w = z
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestReadPrimary(t *testing.T) {
	t.Parallel()
	a := nevra.ID{Name: "a", Epoch: 1, Version: "4.2.0", Release: "ga", Arch: "noarch"}
	wanted := map[nevra.ID]bool{a: true}
	for _, ext := range []string{".gz", ".zst", ".xml"} {
		b := []byte(onePackage)
		if ext != ".xml" {
			b = compressed(t, ext, b)
		}
		found, err := readPrimary(bytes.NewReader(b), repodata{href: "primary" + ext, sum: sum(b), openSum: sum([]byte(onePackage))}, wanted)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%+v", found[a]); len(found) != 1 || !strings.HasPrefix(got, "[{href:Packages/a.rpm base:https://other/base ") {
			t.Errorf("%s: %s", ext, got)
		}
		b[len(b)/2] ^= 1
		if _, err := readPrimary(bytes.NewReader(b), repodata{href: "primary" + ext, sum: sum(compressed(t, ext, []byte(onePackage)))}, wanted); err == nil {
			t.Errorf("%s: a flipped bit is not noticed", ext)
		}
	}
}

// TestPrimaryBounded: neither a bomb nor an endless entry takes memory.
func TestPrimaryBounded(t *testing.T) {
	t.Parallel()
	endless := io.MultiReader(strings.NewReader(`<metadata><package><name>`), &repeat{'a', maxPackage * 2})
	if _, err := parsePrimary(endless, nil); err == nil || !strings.Contains(err.Error(), "one entry has more than") {
		t.Errorf("an endless name: %v", err)
	}
	deep := io.MultiReader(strings.NewReader(`<metadata><package>`), strings.NewReader(strings.Repeat("<x>", 100_000)))
	if _, err := parsePrimary(deep, nil); err == nil {
		t.Error("nested elements are taken")
	}
}

type repeat struct {
	b    byte
	left int
}

// Read gives the byte again and again.
func (r *repeat) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	n := min(len(p), r.left)
	for i := range p[:n] {
		p[i] = r.b
	}
	r.left -= n
	return n, nil
}

func TestParseRepomdRefuses(t *testing.T) {
	t.Parallel()
	const good = `<repomd><data type="primary"><checksum type="sha256">e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855</checksum><location href="repodata/p.xml.gz"/></data></repomd>`
	if _, err := parseRepomd(strings.NewReader(good)); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		"repomd>":           "html>",
		`type="primary"`:    `type="other"`,
		"repodata/p.xml.gz": "../../p.xml.gz",
		`"repodata`:         `"https://elsewhere/repodata`,
		"repodata/p":        "/etc/p",
		`"sha256"`:          `"crc32"`,
		"e3b0c4":            "",
		"</repomd>":         "",
		"e3b0":              "zzzz",
	} {
		if got, err := parseRepomd(strings.NewReader(strings.ReplaceAll(good, from, to))); err == nil {
			t.Errorf("%s for %s: %+v", to, from, got)
		}
	}
}

func FuzzRepomd(f *testing.F) {
	f.Add([]byte(`<repomd><data type="primary"><checksum type="sha">da39a3ee5e6b4b0d3255bfef95601890afd80709</checksum><open-checksum type="sha256">00</open-checksum><size>9</size><location href="x.gz"/></data></repomd>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := parseRepomd(bytes.NewReader(b))
		if err == nil && (got.sum == nil || !relative(got.href)) {
			t.Errorf("%+v", got)
		}
	})
}

func FuzzPrimary(f *testing.F) {
	f.Add([]byte(onePackage))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := parsePrimary(bytes.NewReader(b), map[nevra.ID]bool{{Name: "a", Epoch: 1, Version: "4.2.0", Release: "ga", Arch: "noarch"}: true})
		for _, list := range got {
			for _, p := range list {
				if err == nil && (p.sum == nil || p.href == "") {
					t.Errorf("%+v", p)
				}
			}
		}
	})
}

func FuzzSignatureV3(f *testing.F) {
	f.Add([]byte("\x88\x18\x03\x05\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x01\x08\x00\x00\x00\x08\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := parseV3(b); err == nil && (s.hash == 0 || len(s.value) > len(b)) {
			t.Errorf("%+v", s)
		}
	})
}
