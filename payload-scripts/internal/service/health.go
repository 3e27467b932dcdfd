package service

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
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/storehost"
	"onerpm/payload-scripts/internal/systemd"
)

// settle is how long units without a health question must stay active, all at once.
const settle = time.Second

// settleLimit bounds the wait for that.
const settleLimit = time.Minute

// A starting unit is looked at often at first, when most are about to be ready and clients wait for it, then less often.
const (
	lookOften = 10 * time.Millisecond
	look      = 50 * time.Millisecond
	oftenFor  = 2 * time.Second
)

// probeTimeout bounds one question.
const probeTimeout = 5 * time.Second

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// serves looks once whether the unit is active and answers as it must. The error says
// why it does not; the state is empty when systemd could not be asked.
func (s *Services) serves(ctx context.Context, u manifest.Service, side manifest.Side) (state string, err error) {
	if state, err = s.systemd.Active(ctx, u.Unit); err != nil {
		return "", err
	}
	if !systemd.Serves(state) {
		return state, fmt.Errorf("it is %s", state)
	}
	if u.Health == nil {
		return state, nil
	}
	return state, Ask(ctx, u.Health, side)
}

// healthy waits until the unit is active and answers as it must, at the latest
// when its health's within has passed. A unit that has failed is not waited for.
func (s *Services) healthy(ctx context.Context, u manifest.Service, side manifest.Side) error {
	within, began := u.Health.Within.D(), time.Now()
	deadline := began.Add(within)
	for {
		state, err := s.serves(ctx, u, side)
		switch {
		case err == nil || state == "":
			return err
		case systemd.Down(state):
			return fmt.Errorf("start %s: %w", u.Unit, err)
		case time.Now().After(deadline):
			return fmt.Errorf("%s is not healthy after %s: %w", u.Unit, within, err)
		}
		if err := pause(ctx, began); err != nil {
			return err
		}
	}
}

// Await waits until the units of a side that were active before the upgrade are active and
// answer, and starts none: systemd is at it, after a boot. It gives up after a minute,
// or when the longest of the health questions' within has passed. A door's own question is not put.
func (s *Services) Await(ctx context.Context, side manifest.Side, before journal.Services) error {
	limit := s.stableLimit
	for _, u := range s.units {
		if u.Health != nil {
			limit = max(limit, u.Health.Within.D())
		}
	}
	began := time.Now()
	deadline := began.Add(limit)
	for _, u := range s.expand(before) {
		if !wanted(u, side, before) {
			continue
		}
		if u.Door {
			u.Health = nil
		}
		for {
			_, err := s.serves(ctx, u, side)
			if err == nil {
				break
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("%s does not serve: %w", u.Unit, err)
			}
			if err := pause(ctx, began); err != nil {
				return err
			}
		}
	}
	return nil
}

// awaitStable waits until all the units have been active for a while without a
// break. One that is being restarted is waited for, one that has failed is not.
func (s *Services) awaitStable(ctx context.Context, units []string) error {
	var since time.Time // all of them are active
	began := time.Now()
	for limit := began.Add(s.stableLimit); len(units) > 0; {
		all := true
		for _, unit := range units {
			state, err := s.systemd.Active(ctx, unit)
			if err != nil {
				return err
			}
			if systemd.Serves(state) {
				continue
			}
			if systemd.Down(state) || time.Now().After(limit) {
				return fmt.Errorf("start %s: it is %s%s", unit, state, systemd.LastLines(ctx, unit))
			}
			all = false
		}
		switch {
		case !all:
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		case time.Since(since) >= s.settle:
			return nil
		}
		if err := pause(ctx, began); err != nil {
			return err
		}
	}
	return nil
}

// pause waits until it is time for the next look at what is looked at since began.
func pause(ctx context.Context, began time.Time) error {
	wait := look
	if time.Since(began) < oftenFor {
		wait = lookOften
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}

// client asks loopback, or what the product itself asks, so it takes no proxy, follows no redirect and
// keeps no connection to a server that is about to stop. It is never kept waiting as clients are.
var client = &http.Client{
	Timeout:       probeTimeout,
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
