package agent

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"testing"
)

func testPackage(t testing.TB, name, body string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(body)), Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(body)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPackageVersion(t *testing.T) {
	t.Parallel()
	whole := testPackage(t, "cloudify/VERSION", "4.2.0\n")
	if got, err := packageVersion(bytes.NewReader(whole)); err != nil || got != "4.2.0" {
		t.Errorf("%q, %v", got, err)
	}
	for name, b := range map[string][]byte{
		"nothing": nil, "truncated": whole[:len(whole)/2], "another file": testPackage(t, "cloudify/OTHER", "4.2.0\n"),
	} {
		if got, err := packageVersion(bytes.NewReader(b)); err == nil {
			t.Errorf("%s: version %q", name, got)
		}
	}
}

func FuzzPackageVersion(f *testing.F) {
	f.Add(testPackage(f, "cloudify/VERSION", "4.2.0\n"))
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := packageVersion(bytes.NewReader(b)); err == nil && len(got) > 64 {
			t.Errorf("a version of %d bytes", len(got))
		}
	})
}
