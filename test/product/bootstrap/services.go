package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"onerpm/test/product/internal/product"
	"onerpm/versions"
)

// units returns the release's own units: those it has a file for.
func units(r product.Release) ([]string, error) {
	found, err := fs.Glob(versions.Config, r.Version+"/config/usr/lib/systemd/system/*.service")
	var out []string
	for _, f := range found {
		out = append(out, strings.TrimSuffix(path.Base(f), ".service"))
	}
	if len(out) == 0 {
		return nil, errors.Join(err, fmt.Errorf("release %s has no units", r.Version))
	}
	return out, err
}

// startServices enables and starts the release's units and nginx. others are units of packages that run already, or
// that the release's need.
func startServices(ctx context.Context, r product.Release, others ...string) error {
	names, err := units(r)
	if err != nil {
		return err
	}
	for _, args := range [][]string{
		{"daemon-reload"},
		append(append([]string{"enable", "nginx"}, others...), names...),
		append([]string{"start"}, others...),
		append([]string{"restart"}, names...),
		{"restart", "nginx"},
	} {
		if err := command(ctx, "systemctl", args...); err != nil {
			return err
		}
	}
	return waitForVersion(ctx, "http://127.0.0.1/api/v2.1/version", r.Version)
}

// waitForVersion asks through nginx until the REST service answers as the release it should be.
func waitForVersion(ctx context.Context, url, version string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	var last error
	for {
		if last = askVersion(ctx, url, version); last == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the REST service does not come up: %w", last)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func askVersion(ctx context.Context, url, version string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	var got struct {
		Version string `json:"version"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	if got.Version != version {
		return fmt.Errorf("%s answers as release %s", url, got.Version)
	}
	return nil
}
