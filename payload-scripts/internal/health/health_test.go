package health

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/manifest"
)

func TestAsk(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "headers")
	if err := os.WriteFile(secret, []byte("# for the health question\nTenant: default\nX-Token: s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/broken":
			w.WriteHeader(http.StatusInternalServerError)
		case r.URL.Path == "/away":
			http.Redirect(w, r, "/version", http.StatusFound)
		case r.URL.Path == "/text":
			_, _ = w.Write([]byte("hello"))
		case r.URL.Path == "/private" && (r.Header.Get("X-Token") != "s3cret" || r.Header.Get("Tenant") != "default"):
			w.WriteHeader(http.StatusUnauthorized)
		default:
			_, _ = w.Write([]byte(`{"version": "4.2.0", "build": 7}`))
		}
	}))
	defer server.Close()
	version := manifest.Expect{Status: 200, JSON: map[string]string{"version": "4.2.0", "build": "7"}, Old: map[string]string{"version": "4.1.1"}}
	for _, c := range []struct {
		name, path string
		headers    string
		expect     manifest.Expect
		side       manifest.Side
		want       string // part of the error; "" for none
	}{
		{"as expected", "/version", "", version, manifest.New, ""},
		{"status only", "/text", "", manifest.Expect{Status: 200}, manifest.New, ""},
		{"the old release wants its own version", "/version", "", version, manifest.Old, `version is "4.2.0", want "4.1.1"`},
		{"an error", "/broken", "", version, manifest.New, "status 500, want 200"},
		{"a redirect is not followed", "/away", "", version, manifest.New, "status 302, want 200"},
		{"not JSON", "/text", "", version, manifest.New, "no JSON object"},
		{"no headers", "/private", "", version, manifest.New, "status 401, want 200"},
		{"headers", "/private", secret, version, manifest.New, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &manifest.Health{HTTP: server.URL + c.path, Expect: c.expect}
			if c.headers != "" {
				h.Headers = &manifest.Headers{File: c.headers}
			}
			err := Ask(t.Context(), h, c.side)
			if c.want == "" && err != nil {
				t.Errorf("got %v, want healthy", err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error tells a header's value: %v", err)
			}
		})
	}
}

// TestAskElsewhere asks the address that the product's configuration has, and not the question's own.
func TestAskElsewhere(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	name, port, _ := net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
	file := filepath.Join(t.TempDir(), "p.conf")
	if err := os.WriteFile(file, []byte("SEARCH="+name+"\nPORT="+port+"\nBOTH="+name+":"+port+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ http, host, port, want string }{
		{"http://127.0.0.1:1/", "SEARCH", "PORT", ""},
		{"http://127.0.0.1:1/", "BOTH", "", ""},
		{"http://127.0.0.2:" + port + "/", "SEARCH", "", ""},
		{"http://127.0.0.1:1/", "SEARCH", "", "127.0.0.1:1"},
		{server.URL, "NONE", "", `no value "NONE"`},
	} {
		h := &manifest.Health{HTTP: c.http, Address: &manifest.HostAddress{File: file, Format: "env", Host: c.host, Port: c.port}, Expect: manifest.Expect{Status: 200}}
		if err := Ask(t.Context(), h, manifest.Old); (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s at %s, %s: %v, want %q", c.http, c.host, c.port, err, c.want)
		}
	}
}
