package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"onerpm/internal/manifest"
)

const (
	callTimeout = 60 * time.Second
	maxAnswer   = 64 << 20 // bytes
	pageSize    = 500      // items of one answer
)

// api is the product's REST API, as the manifest describes it.
type api struct {
	spec    *manifest.Agents
	headers http.Header
	client  *http.Client
}

func newAPI(spec *manifest.Agents, headers http.Header) *api {
	return &api{spec: spec, headers: headers, client: &http.Client{
		Timeout:       callTimeout,
		Transport:     &http.Transport{Proxy: nil, MaxIdleConnsPerHost: 8},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// statusError is an answer that is not a success. It holds what the product says, not what it was asked.
type statusError struct {
	what, said string
	status     int
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s: status %d: %s", e.what, e.status, e.said)
}

// refused tells whether an error is the product's no, which the same question would get again.
func refused(err error) bool {
	var s *statusError
	return errors.As(err, &s) && s.status >= 400 && s.status < 500 && s.status != http.StatusTooManyRequests
}

// call makes one request for a tenant ("" for none) and decodes the answer.
func (a *api) call(ctx context.Context, method, tenant, path string, body []byte) (map[string]any, error) {
	address := strings.TrimSuffix(a.spec.API, "/") + "/" + strings.TrimPrefix(path, "/")
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = a.headers.Clone()
	if tenant != "" {
		req.Header.Set(a.spec.Tenants.Header, tenant)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	what := method + " " + req.URL.Path
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, &statusError{what: what, status: resp.StatusCode, said: strings.TrimSpace(string(data[:min(len(data), 300)]))}
	}
	var answer map[string]any
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, fmt.Errorf("%s: the answer is no JSON object: %w", what, err)
	}
	return answer, nil
}

// list gets all items of a list, page by page.
func (a *api) list(ctx context.Context, tenant, path string) ([]any, error) {
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	var all []any
	for {
		page := url.Values{a.spec.Lists.Size: {strconv.Itoa(pageSize)}, a.spec.Lists.Offset: {strconv.Itoa(len(all))}}
		answer, err := a.call(ctx, http.MethodGet, tenant, path+separator+page.Encode(), nil)
		if err != nil {
			return nil, err
		}
		items, ok := at(answer, a.spec.Lists.Items).([]any)
		if !ok {
			return nil, fmt.Errorf("GET %s: the answer has no list %q", path, a.spec.Lists.Items)
		}
		all = append(all, items...)
		if len(items) < pageSize {
			return all, nil
		}
	}
}

// work is one piece of work as the API shows it.
type work struct{ id, status, failure string }

func (a *api) workOf(v any) (work, error) {
	w := work{text(v, a.spec.Work.ID), text(v, a.spec.Work.Status), text(v, a.spec.Work.Error)}
	if w.id == "" {
		return w, fmt.Errorf("%s: a work without %q", a.spec.Work.Path, a.spec.Work.ID)
	}
	return w, nil
}

func (a *api) ended(w work) bool {
	return slices.Contains(a.spec.Work.Done, w.status) || slices.Contains(a.spec.Work.Failed, w.status)
}

// works finds the works of a group, whoever asked for them.
func (a *api) works(ctx context.Context, g Group) ([]work, error) {
	find := strings.ReplaceAll(a.spec.Work.Find, "{group}", url.QueryEscape(g.Name))
	items, err := a.list(ctx, g.Tenant, a.spec.Work.Path+"?"+find)
	if err != nil {
		return nil, err
	}
	var found []work
	for _, item := range items {
		w, err := a.workOf(item)
		if err != nil {
			return nil, err
		}
		found = append(found, w)
	}
	return found, nil
}

// ask asks for the work of a group. After an error it may have been asked all the same.
func (a *api) ask(ctx context.Context, g Group) (work, error) {
	name, err := json.Marshal(g.Name)
	if err != nil {
		return work{}, err
	}
	body := strings.ReplaceAll(a.spec.Work.Body, "{group}", string(name[1:len(name)-1]))
	answer, err := a.call(ctx, http.MethodPost, g.Tenant, a.spec.Work.Path, []byte(body))
	if err != nil {
		return work{}, err
	}
	return a.workOf(answer)
}

// look tells how a work is.
func (a *api) look(ctx context.Context, g Group) (work, error) {
	answer, err := a.call(ctx, http.MethodGet, g.Tenant, a.spec.Work.Path+"/"+url.PathEscape(g.Work), nil)
	if err != nil {
		return work{}, err
	}
	return a.workOf(answer)
}

// at follows a key such as a.b.c into an object, to nil when it leads nowhere.
func at(v any, key string) any {
	for name := range strings.SplitSeq(key, ".") {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[name]
	}
	return v
}

// text is what stands at a key, as text; "" when nothing does.
func text(v any, key string) string {
	switch found := at(v, key).(type) {
	case nil:
		return ""
	case string:
		return found
	default:
		return fmt.Sprint(found)
	}
}
