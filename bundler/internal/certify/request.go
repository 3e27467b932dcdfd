package certify

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
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

// readRequest reads an HTTP request in absolute form (RFC 9112), whose lines may end without CR.
func readRequest(check Check, text []byte) (Request, error) {
	q := Request{Check: check, headers: []string{}, body: []byte{}}
	head := bytes.TrimRight(text, "\r\n")
	if at := emptyLine.FindIndex(text); at != nil {
		head, q.body = text[:at[0]], text[at[1]:]
	}
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(slices.Concat(head, []byte("\n\n")))))
	if err != nil {
		return q, err
	}
	if ip := net.ParseIP(r.URL.Hostname()); r.URL.Scheme != "http" && r.URL.Scheme != "https" || r.URL.Hostname() != "localhost" && !ip.IsLoopback() {
		return q, fmt.Errorf("%q is no URL of this machine over http or https: the first line is METHOD URL HTTP/1.1", r.RequestURI)
	}
	if r.Close || r.ContentLength > 0 || len(r.TransferEncoding) > 0 {
		return q, errors.New("where a request and its connection end the client says: no Connection, Content-Length or Transfer-Encoding")
	}
	for _, name := range sortedKeys(r.Header) {
		for _, value := range r.Header[name] {
			q.headers = append(q.headers, name+": "+value)
		}
	}
	q.method, q.url = r.Method, r.RequestURI
	return q, nil
}
