// Package health puts a health question to a service of this host: an address, and the answer that counts.
package health

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/header"
	"onerpm/payload-scripts/internal/hold"
	"onerpm/payload-scripts/internal/storehost"
)

// timeout bounds one question.
const timeout = 5 * time.Second

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// client asks loopback, or what the product itself asks, so it takes no proxy, follows no redirect and
// keeps no connection to a server that is about to stop. It is never kept waiting as clients are.
var client = &http.Client{
	Timeout:       timeout,
	Transport:     &http.Transport{Proxy: nil, DisableKeepAlives: true, DialContext: hold.Dialer.DialContext},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// address is the URL of a health question on this host.
func address(h *manifest.Health) (string, error) {
	if h.Address == nil {
		return h.HTTP, nil
	}
	u, err := url.Parse(h.HTTP)
	if err != nil {
		return "", err
	}
	name, port, err := storehost.Address(*h.Address)
	if err != nil {
		return "", err
	}
	digits := u.Port() // may be none
	if port != 0 {
		digits = strconv.Itoa(int(port))
	}
	u.Host = net.JoinHostPort(name, digits)
	return u.String(), nil
}

// Ask puts a health question once. A nil error means the answer was as expected
// of the side's release. No header's value is in an error.
func Ask(ctx context.Context, h *manifest.Health, side manifest.Side) error {
	at, err := address(h)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return err
	}
	if h.Headers != nil {
		headers, err := header.Read(h.Headers.File)
		if err != nil && !errors.Is(err, os.ErrNotExist) { // an admin who needs none writes none; the answer then says what is missing
			return fmt.Errorf("a health question's %w", err)
		}
		if err == nil {
			req.Header = headers
		}
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("GET %s: %w", at, err)
	}
	if resp.StatusCode != h.Expect.Status {
		return fmt.Errorf("GET %s: status %d, want %d", at, resp.StatusCode, h.Expect.Status)
	}
	want := h.Expect.JSON
	if side == manifest.Old {
		want = h.Expect.Old
	}
	return compare(at, body, want)
}

func compare(url string, body []byte, want map[string]string) error {
	if len(want) == 0 {
		return nil
	}
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		return fmt.Errorf("GET %s: the answer is no JSON object: %w", url, err)
	}
	var wrong []error
	for key, w := range want {
		if g := fmt.Sprint(got[key]); g != w {
			wrong = append(wrong, fmt.Errorf("GET %s: %s is %q, want %q", url, key, g, w))
		}
	}
	return errors.Join(wrong...)
}
