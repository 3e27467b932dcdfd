package certify

import (
	"os"
	"strings"
	"testing"
)

func TestReadRequest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, url, headers, body, refused string }{
		{"without a body", "GET http://127.0.0.1/events?x={n} HTTP/1.1", "http://127.0.0.1/events?x={n}", "", "", ""},
		{"with one", "PUT https://[::1]:8443/a HTTP/1.1\nTenant: one\nAuthorization: Basic {n}\nHost: manager\n\nline\r\n\r\nlast", "https://[::1]:8443/a",
			"Authorization: Basic {n}|Tenant: one", "line\r\n\r\nlast", ""},
		{"lines with CR", "POST http://localhost/ HTTP/1.1\r\nA: b\r\n\r\n\n", "http://localhost/", "A: b", "\n", ""},
		{"another machine", "GET http://example.invalid/ HTTP/1.1\n", "", "", "", "is no URL of this machine"},
		{"another scheme", "GET ftp://127.0.0.1/ HTTP/1.1\n", "", "", "", "is no URL of this machine"},
		{"a path alone", "GET /events HTTP/1.1\n", "", "", "", "is no URL of this machine"},
		{"no version", "GET http://127.0.0.1/\n", "", "", "", "malformed HTTP request"},
		{"no header", "GET http://127.0.0.1/ HTTP/1.1\nnothing\n\nbody", "", "", "", "malformed"},
		{"its own length", "PUT http://127.0.0.1/ HTTP/1.1\nContent-Length: 3\n\nabc", "", "", "", "is the client's to say"},
		{"chunks", "PUT http://127.0.0.1/ HTTP/1.1\nTransfer-Encoding: chunked\n\nabc", "", "", "", "is the client's to say"},
		{"the end of the connection", "PUT http://127.0.0.1/ HTTP/1.1\nConnection: close\n\nabc", "", "", "", "is the client's to say"},
		{"an old version", "GET http://127.0.0.1/ HTTP/1.0\n\n", "", "", "", "HTTP/1.0 ends the connection"},
		{"several", "PUT http://example.invalid/ HTTP/1.1\nA: b\ncontent-length: 3\nConnection: close\n\nabc", "", "", "",
			":1:1: \"http://example.invalid/\" is no URL of this machine over http or https; the first line is METHOD URL HTTP/1.1\n" +
				":3:1: content-length is the client's to say: where a request and its connection end; leave it out\n:4:1: Connection is the client's to say"},
		{"nothing", "", "", "", "", "malformed"},
	} {
		q, err := readRequest(Check{Name: "x.http"}, []byte(c.text))
		if c.refused != "" {
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: %v, want %q", c.name, err, c.refused)
			}
			continue
		}
		if err != nil || q.url != c.url || strings.Join(q.headers, "|") != c.headers || string(q.body) != c.body {
			t.Errorf("%s: %+v, %v", c.name, q, err)
		}
	}
}

// TestRequestOfTheDocs: the request that docs/certification.md shows is one that clients make.
func TestRequestOfTheDocs(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/certification.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, there := strings.Cut(string(page), "```http TestRequestOfTheDocs\n")
	text, _, ends := strings.Cut(rest, "```\n")
	if !there || !ends {
		t.Fatal("docs/certification.md shows no request")
	}
	q, wrong := readRequest(Check{Name: "x.http"}, []byte(text))
	if len(wrong) > 0 || !strings.Contains(q.url, "load-{n}?") || strings.Join(q.headers, "|") != "Tenant: default_tenant" || string(q.body) != "archive of load-{n}\n" {
		t.Errorf("%+v, %v", q, wrong)
	}
}
