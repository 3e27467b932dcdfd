package fetch

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"onerpm/bundler/internal/exit"
	"onerpm/internal/nevra"
)

// A server may lead elsewhere, but not from https to http, and what stands in the address so
// far, a signature perhaps, is not told to the next one.
func TestRedirect(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var asked []string // of the file itself
	file := func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.Header.Get("Referer")+r.URL.RawQuery)
		_, _ = io.WriteString(w, "the file")
	}
	plain := httptest.NewServer(http.HandlerFunc(file))
	t.Cleanup(plain.Close)
	other := httptest.NewTLSServer(http.HandlerFunc(file))
	t.Cleanup(other.Close)
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := map[string]string{"/other": other.URL, "/plain": plain.URL, "/round": "/round", "/strange": "gopher://x"}[r.URL.Path]
		http.Redirect(w, r, to, http.StatusTemporaryRedirect)
	}))
	t.Cleanup(secure.Close)
	for _, tt := range []struct{ source, want string }{ // want: what the error says, "" for none
		{secure.URL + "/other?signature=secret", ""},
		{secure.URL + "/plain?signature=secret", "the server leads from https to " + plain.URL + ", which is not followed"},
		{secure.URL + "/strange", "the server leads from https to gopher://x, which is not followed"},
		{secure.URL + "/round", "the server leads on more than 10 times"},
	} {
		client := newHTTPClient(10 * time.Second)
		client.transport.TLSClientConfig = secure.Client().Transport.(*http.Transport).TLSClientConfig
		u, err := url.Parse(tt.source)
		if err != nil {
			t.Fatal(err)
		}
		c, err := httpPlace{client, u}.open(t.Context(), 0, "")
		if err == nil {
			_ = c.body.Close()
		}
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.source, err)
		case tt.want != "" && (exit.Code(err) != exit.Missing || err.Error() != tt.want || exit.Hint(err) == "" || passing(err)):
			t.Errorf("%s: %v, hint %q, tried again: %v", tt.source, err, exit.Hint(err), passing(err))
		}
		client.CloseIdleConnections()
	}
	if len(asked) != 1 || strings.Contains(strings.Join(asked, ""), "secret") {
		t.Errorf("asked: %q", asked)
	}
}

// An https repository does not lead to http either, whatever its metadata says.
func TestRepositoryLeads(t *testing.T) {
	t.Parallel()
	f := &fetcher{client: newHTTPClient(time.Second)}
	for _, tt := range []struct {
		source, base, href string
		refused            bool
	}{
		{"https://a.example/el9/", "", "x.rpm", false},
		{"https://a.example/el9/", "https://b.example/", "x.rpm", false},
		{"https://a.example/el9/", "", "https://b.example/x.rpm", false},
		{"https://a.example/el9/", "http://b.example/", "x.rpm", true},
		{"https://a.example/el9/", "", "HTTP://a.example/el9/x.rpm", true},
		{"http://a.example/el9/", "http://b.example/", "x.rpm", false},
	} {
		base, err := f.locate(tt.source)
		if err != nil {
			t.Fatal(err)
		}
		r := &repository{f: f, base: base}
		err = r.place(map[nevra.ID][]primaryPackage{{Name: "x"}: {{base: tt.base, href: tt.href}}})
		if (err != nil) != tt.refused || tt.refused && !strings.Contains(err.Error(), "an https repository leads to http://") {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}
