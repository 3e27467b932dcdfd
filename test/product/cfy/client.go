package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"onerpm/test/product/internal/product"
)

// profile says which manager to talk to, and as whom.
type profile struct {
	Manager  string `json:"manager"` // URL
	Username string `json:"username"`
	Password string `json:"password"`
	Tenant   string `json:"tenant"`
}

// client talks to the manager and prints for a person or a program.
type client struct {
	profile profile
	out     io.Writer
}

type row map[string]any

func newClient(o options, out io.Writer) (*client, error) {
	path := os.Getenv("CFY_PROFILE")
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, err
		}
		path = filepath.Join(home, ".cloudify", "profile.json")
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: write manager, username, password and tenant there, or name another file in CFY_PROFILE", err)
	}
	if err != nil {
		return nil, err
	}
	c := &client{out: out}
	if err := json.Unmarshal(b, &c.profile); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if o.tenant != "" {
		c.profile.Tenant = o.tenant
	}
	return c, nil
}

// apiVersion is the newest that the release's manager has.
func apiVersion() string {
	if product.Current().Elasticsearch {
		return "v2.1"
	}
	return "v3.1"
}

// call sends a request to the API and decodes the answer. path may have a query.
func (c *client) call(ctx context.Context, method, path string, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, c.profile.Manager+"/api/"+apiVersion()+"/"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.SetBasicAuth(c.profile.Username, c.profile.Password)
	req.Header.Set("Tenant", c.profile.Tenant)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	b, err := io.ReadAll(io.LimitReader(resp.Body, 256<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 400 {
		var f struct {
			Message string `json:"message"`
			Code    string `json:"error_code"`
		}
		if json.Unmarshal(b, &f) != nil || f.Message == "" {
			return fmt.Errorf("the manager answers %s", resp.Status)
		}
		return fmt.Errorf("%s (%d, %s)", f.Message, resp.StatusCode, f.Code)
	}
	return json.Unmarshal(b, into)
}

func (c *client) items(ctx context.Context, path string) ([]row, error) {
	var answer struct {
		Items []row `json:"items"`
	}
	return answer.Items, c.call(ctx, http.MethodGet, path, nil, &answer)
}
