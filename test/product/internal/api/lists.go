package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
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
	return func(r *request) (int, any, error) {
		if name == "users" || name == "user-groups" {
			if err := s.onlyAdmin(r); err != nil {
				return 0, nil, err
			}
		}
		if err := s.enoughMemory(); err != nil {
			return 0, nil, err
		}
		page, err := readPage(r.URL.Query())
		if err != nil {
			return 0, nil, err
		}
		if name == "executions" && r.URL.Query().Get("_include_system_workflows") != "true" {
			page.Filters["is_system_workflow"] = []string{"false"}
		}
		rows, total, err := s.data().List(r.Context(), r.viewer, name, page)
		if err != nil {
			return 0, nil, err
		}
		for _, row := range rows {
			if err := answerWorkflows(name, row); err != nil {
				return 0, nil, err
			}
		}
		if r.version == "v1" {
			return http.StatusOK, rows, nil
		}
		return http.StatusOK, listAnswer{rows, metadata{pagination{total, page.Size, page.Offset}}}, nil
	}
}

func (s *Service) get(name string) handler {
	return func(r *request) (int, any, error) {
		row, err := s.data().Get(r.Context(), r.viewer, name, r.PathValue("id"))
		if err != nil {
			return 0, nil, err
		}
		return http.StatusOK, row, answerWorkflows(name, row)
	}
}

// workflow is how a deployment's answer shows one.
type workflow struct {
	Name       string          `json:"name"`
	CreatedAt  *string         `json:"created_at"` // always null
	Parameters json.RawMessage `json:"parameters"`
}

// answerWorkflows makes a list of a deployment's workflows, which are kept by their names.
func answerWorkflows(resource string, row store.Row) error {
	stored, ok := row["workflows"].(json.RawMessage)
	if resource != "deployments" || !ok {
		return nil
	}
	var byName map[string]workflow
	if err := json.Unmarshal(stored, &byName); err != nil {
		return fmt.Errorf("workflows of deployment %v: %w", row["id"], err)
	}
	list := []workflow{}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		list = append(list, workflow{Name: name, Parameters: byName[name].Parameters})
	}
	row["workflows"] = list
	return nil
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
