package store

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// No name that is taken leads out of a folder, or loses anything in a URL.
func FuzzCheckName(f *testing.F) {
	for _, name := range []string{"a", "a/b-1.0~rc1^2+x.rpm", "../a", "a//b", ".a", "a/./b", "a%2fb", "", "-", "a/..b", "~", "a\x00b"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if CheckName(name) != nil {
			return
		}
		if !filepath.IsLocal(name) || filepath.Clean(name) != name || strings.HasPrefix(name, privateFolder) {
			t.Errorf("%q leads elsewhere", name)
		}
		u, err := url.Parse(publicURL("https://example.com/x/", name))
		if err != nil || u.Path != "/x/"+name || u.RawQuery != "" || u.Fragment != "" {
			t.Errorf("%q became %v, %v", name, u, err)
		}
	})
}

// The parts of a file have the sizes that S3 wants, and are all of it.
func TestParts(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{1, leastPart - 1, leastPart, leastPart + 1, inOnePiece + 1, 4 << 30, mostParts * leastPart, mostParts*leastPart + 1, 1 << 40} {
		n, part := parts(size), partSize(size)
		if n > mostParts || part < 5<<20 || int64(n-1)*part >= size || int64(n)*part < size {
			t.Errorf("%d bytes are %d parts of %d", size, n, part)
		}
	}
}

// A sum is the same however the bytes come.
func TestSum(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, leastPart, leastPart + 1, 2 * leastPart, 2*leastPart + 7} {
		b := bytes.Repeat([]byte("0123456"), size/7+1)[:size]
		all := sha256.New()
		for at := 0; at < size; at += leastPart {
			d := sha256.Sum256(b[at:min(at+leastPart, size)])
			all.Write(d[:])
		}
		want := fmt.Sprintf("%s-%d", encode(all.Sum(nil)), parts(int64(size)))
		for _, step := range []int{1000, leastPart, leastPart + 1, 3 * leastPart} {
			s := newSum(int64(size), want)
			for at := 0; at < size; at += step {
				if n, err := s.Write(b[at:min(at+step, size)]); n != min(step, size-at) || err != nil {
					t.Fatal(n, err)
				}
			}
			if got := s.String(); got != want {
				t.Errorf("%d bytes, %d at a time: %s, want %s", size, step, got, want)
			}
		}
	}
	if newSum(5, "") != nil || newSum(5, "x=-2") != nil {
		t.Error("there is nothing to compare with")
	}
}

func TestAmazonURL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ region, bucket, prefix, want string }{
		{"eu-central-1", "upgrades", "a/", "https://upgrades.s3.eu-central-1.amazonaws.com/a/x%2B1.rpm"},
		{"us-east-1", "upgrades", "", "https://upgrades.s3.us-east-1.amazonaws.com/x%2B1.rpm"},
		{"cn-north-1", "upgrades", "", "https://upgrades.s3.cn-north-1.amazonaws.com.cn/x%2B1.rpm"},
		{"eu-central-1", "up.grades", "", "https://s3.eu-central-1.amazonaws.com/up.grades/x%2B1.rpm"}, // no certificate has a.b.s3
	} {
		b := &bucket{api: s3.New(s3.Options{Region: tt.region}), name: tt.bucket, prefix: tt.prefix}
		base, err := b.publicBase(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := publicURL(base, "x+1.rpm"); got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}
