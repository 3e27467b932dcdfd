package certify

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"onerpm/internal/hostconf/connection"
	"onerpm/internal/manifest"
)

// healthPause is the time between two times that a question is put.
const healthPause = 500 * time.Millisecond

// healthy puts every health question of a side's services, each until it is answered as
// expected or its time is over.
func (r *run) healthy(ctx context.Context, side manifest.Side) faults {
	var f faults
	for _, s := range r.m.Services {
		if s.Health == nil || s.Only != "" && s.Only != side {
			continue
		}
		deadline := time.Now().Add(s.Health.Within.D())
		for {
			err := r.checkHealth(ctx, s.Health, side)
			if err == nil {
				break
			}
			if time.Now().After(deadline) || ctx.Err() != nil {
				f.add("%s is not healthy: %v", s.Unit, err)
				break
			}
			pause(ctx, healthPause)
		}
	}
	return f
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// checkHealth makes one health request, on the machine. Headers stay there.
func (r *run) checkHealth(ctx context.Context, h *manifest.Health, side manifest.Side) error {
	at, err := r.url(ctx, h)
	if err != nil {
		return err
	}
	out, err := r.machine.must(ctx, "GET "+at, curl(h, at, "-w '\\n%{http_code}'")+" | tail -c 1048576")
	if err != nil {
		return err
	}
	end := strings.LastIndex(out, "\n")
	status, err := strconv.Atoi(strings.TrimSpace(out[end+1:]))
	if err != nil || end < 0 || status == 0 {
		return fmt.Errorf("GET %s: no answer", at)
	}
	if status != h.Expect.Status {
		return fmt.Errorf("GET %s: status %d, want %d", at, status, h.Expect.Status)
	}
	want := h.Expect.JSON
	if side == manifest.Old {
		want = h.Expect.Old
	}
	return compareJSON(at, []byte(out[:end]), want)
}

// url is where a question is put, as the product's configuration on the machine says now.
func (r *run) url(ctx context.Context, h *manifest.Health) (string, error) {
	if h.Address == nil {
		return h.HTTP, nil
	}
	return r.urlOf(ctx, h.HTTP, *h.Address)
}

// urlOf is a URL with host and port as they stand in the product's configuration on the machine; its own port is the usual one.
func (r *run) urlOf(ctx context.Context, usual string, a manifest.HostAddress) (string, error) {
	u, err := url.Parse(usual)
	if err != nil {
		return "", err
	}
	doing := "read an address from " + a.File
	text, err := r.readConf(ctx, doing, a.File)
	if err != nil {
		return "", err
	}
	name, port, err := connection.Host(text, a)
	if err != nil {
		return "", fmt.Errorf("%s: %w", doing, err)
	}
	digits := u.Port()
	if port != 0 {
		digits = strconv.Itoa(int(port))
	}
	u.Host = net.JoinHostPort(name, digits)
	return u.String(), nil
}

// curl is the command that puts a question at a URL; what it prints of the answer, the options say.
func curl(h *manifest.Health, at, options string) string {
	get := "curl -sS --noproxy '*' -m 5 " + options + " " + quote(at)
	if h.Headers == nil {
		return get
	}
	file := quote(h.Headers.File)
	return `{ [ ! -r ` + file + ` ] || sed -n 's/["\\]/\\&/g; /./s/.*/header = "&"/p' ` + file + `; } | ` + get + " -K -"
}

func compareJSON(url string, body []byte, want map[string]string) error {
	if len(want) == 0 {
		return nil
	}
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		return fmt.Errorf("GET %s: the answer is no JSON object", url)
	}
	for _, key := range sortedKeys(want) {
		if g := fmt.Sprint(got[key]); g != want[key] {
			return fmt.Errorf("GET %s: %s is %q, want %q", url, key, short(g), want[key])
		}
	}
	return nil
}
