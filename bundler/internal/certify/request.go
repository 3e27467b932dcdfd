package certify

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"

	"onerpm/bundler/internal/mistake"
)

// Request is one that the product's clients make (specs/<jump>/certify/*.http). With a body it is an upload, and sent slowly; without one it may
// be a long poll.
type Request struct {
	Check
	method, url string
	headers     []string // "Name: value", sorted
	body        []byte
}

var (
	requestGrammar = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*\.http$`)
	emptyLine      = regexp.MustCompile(`\r?\n\r?\n`)
)

// readRequest reads an HTTP request in absolute form (RFC 9112), whose lines may end without CR, and returns what is wrong with it.
func readRequest(check Check, text []byte) (Request, mistake.List) {
	q := Request{Check: check, headers: []string{}, body: []byte{}}
	head := bytes.TrimRight(text, "\r\n")
	if at := emptyLine.FindIndex(text); at != nil {
		head, q.body = text[:at[0]], text[at[1]:]
	}
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(slices.Concat(head, []byte("\n\n")))))
	if err != nil {
		return q, mistake.List{{What: err.Error()}}
	}
	var wrong mistake.List
	if ip := net.ParseIP(r.URL.Hostname()); r.URL.Scheme != "http" && r.URL.Scheme != "https" || r.URL.Hostname() != "localhost" && !ip.IsLoopback() {
		wrong.Add(mistake.Mistake{Line: 1, Column: 1, What: fmt.Sprintf("%q is no URL of this machine over http or https", r.RequestURI), Allowed: "the first line is METHOD URL HTTP/1.1"})
	}
	if !r.ProtoAtLeast(1, 1) {
		wrong.Add(mistake.Mistake{Line: 1, Column: 1, What: r.Proto + " ends the connection with each request", Allowed: "the first line is METHOD URL HTTP/1.1"})
	}
	for i, line := range bytes.Split(head, []byte("\n")) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		if name = bytes.TrimSpace(name); i > 0 && slices.Contains(ownHeaders, http.CanonicalHeaderKey(string(name))) {
			wrong.Add(mistake.Mistake{Line: i + 1, Column: 1, What: string(name) + " is the client's to say: where a request and its connection end", Allowed: "leave it out"})
		}
	}
	for _, name := range sortedKeys(r.Header) {
		for _, value := range r.Header[name] {
			q.headers = append(q.headers, name+": "+value)
		}
	}
	q.method, q.url = r.Method, r.RequestURI
	return q, wrong
}

// ownHeaders say where a request and its connection end.
var ownHeaders = []string{"Connection", "Content-Length", "Transfer-Encoding"}
