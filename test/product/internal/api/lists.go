package api

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"onerpm/test/product/internal/store"
)

const (
	defaultSize = 1000
	maxSize     = 10000
)

type pagination struct {
	Total  int `json:"total"`
	Size   int `json:"size"`
	Offset int `json:"offset"`
}

type metadata struct {
	Pagination pagination `json:"pagination"`
}

type listAnswer struct {
	Items    []store.Row `json:"items"`
	Metadata metadata    `json:"metadata"`
}

func (s *Service) list(name string) handler {
	res := s.DB.Resources()[name]
	return func(r *request) (int, any, error) {
		if name == "users" || name == "user-groups" {
			if err := s.onlyAdmin(r); err != nil {
				return 0, nil, err
			}
		}
		page, err := readPage(r.URL.Query())
		if err != nil {
			return 0, nil, err
		}
		if name == "executions" && r.URL.Query().Get("_include_system_workflows") != "true" {
			page.Filters["is_system_workflow"] = []string{"false"}
		}
		rows, total, err := s.DB.List(r.Context(), r.viewer, res, page)
		if err != nil {
			return 0, nil, err
		}
		if r.version == "v1" {
			return http.StatusOK, rows, nil
		}
		return http.StatusOK, listAnswer{rows, metadata{pagination{total, page.Size, page.Offset}}}, nil
	}
}

func (s *Service) get(name string) handler {
	res := s.DB.Resources()[name]
	return func(r *request) (int, any, error) {
		row, err := s.DB.Get(r.Context(), r.viewer, res, r.PathValue("id"))
		return http.StatusOK, row, err
	}
}

func readPage(q url.Values) (store.Page, error) {
	p := store.Page{Size: defaultSize, Filters: map[string][]string{}, AllTenants: q.Get("_all_tenants") == "true"}
	number := func(name string, into *int, most int) error {
		if !q.Has(name) {
			return nil
		}
		n, err := strconv.Atoi(q.Get(name))
		if err != nil || n < 0 || n > most {
			return fail(http.StatusBadRequest, "bad_parameters_error", "%s: %q is no number from 0 to %d", name, q.Get(name), most)
		}
		*into = n
		return nil
	}
	if err := number("_size", &p.Size, maxSize); err != nil {
		return p, err
	}
	if err := number("_offset", &p.Offset, 1<<31-1); err != nil {
		return p, err
	}
	p.Sort = commas(q["_sort"])
	p.Include = commas(q["_include"])
	for name, values := range q {
		if !strings.HasPrefix(name, "_") {
			p.Filters[name] = values
		}
	}
	return p, nil
}

func commas(values []string) []string {
	var out []string
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
	}
	return out
}
