package percent_test

import (
	"net/url"
	"testing"

	"onerpm/bundler/internal/percent"
)

func TestPath(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a/b-1.0_x~rc1.rpm": "a/b-1.0_x~rc1.rpm",
		"2.0+1^git":         "2.0%2B1%5Egit",
		"a,b $basearch;=@:": "a%2Cb%20%24basearch%3B%3D%40%3A",
		"50%":               "50%25",
		"é\n":               "%C3%A9%0A",
	} {
		if got := percent.Path(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
	if got := percent.Escaped("/a%2Fb+c"); got != "/a%2Fb%2Bc" {
		t.Error(got)
	}
}

// Whatever is escaped is what a reader of URLs gets back.
func FuzzPath(f *testing.F) {
	f.Add("a+b, $c/50%")
	f.Fuzz(func(t *testing.T, s string) {
		if back, err := url.PathUnescape(percent.Path(s)); err != nil || back != s {
			t.Errorf("%q became %q, %v", s, back, err)
		}
	})
}
