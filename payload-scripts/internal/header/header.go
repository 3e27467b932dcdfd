// Package header reads files of HTTP headers, in which an admin keeps what a
// program needs to be let in. No value of a header is ever in an error.
package header

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strings"

	"onerpm/payload-scripts/internal/host"
)

// maxSize bounds a file of headers, in bytes.
const maxSize = 1 << 20

// Read reads a file with one "Name: value" a line; empty lines and those that
// begin with # do not count. The error wraps os.ErrNotExist when there is no file.
func Read(path string) (http.Header, error) {
	data, err := host.ReadFile(path, maxSize)
	if err != nil {
		return nil, fmt.Errorf("read headers: %w", err)
	}
	return parse(path, data)
}

func parse(path string, data []byte) (http.Header, error) {
	headers := http.Header{}
	for n, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("%s:%d: not a header such as \"Name: value\"", path, n+1)
		}
		headers.Add(textproto.TrimString(name), textproto.TrimString(value))
	}
	return headers, nil
}

// ReadSecret is Read for a file that nobody but its owner, root or the caller, may read or write.
func ReadSecret(path string) (http.Header, error) {
	data, err := host.ReadSecret(path, maxSize)
	if err != nil {
		return nil, fmt.Errorf("read headers: %w", err)
	}
	headers, err := parse(path, data)
	if err == nil && len(headers) == 0 {
		err = errors.New(path + " has no header")
	}
	return headers, err
}
