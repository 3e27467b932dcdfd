package agentapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Group is a group of a tenant.
type Group struct{ Tenant, Name string }

// Work is one piece of work as the API shows it.
type Work struct{ ID, Status, Failure string }

func (a *API) workKeys() []string {
	return []string{a.Spec.Work.ID, a.Spec.Work.Status, a.Spec.Work.Error}
}

func (a *API) workOf(values []string) (Work, error) {
	w := Work{values[0], values[1], values[2]}
	if w.ID == "" {
		return w, fmt.Errorf("%s: a work without %q", a.Spec.Work.Path, a.Spec.Work.ID)
	}
	return w, nil
}

// Well tells whether a work has ended well.
func (a *API) Well(w Work) bool { return slices.Contains(a.Spec.Work.Done, w.Status) }

// Ended tells whether a work has ended.
func (a *API) Ended(w Work) bool { return a.Well(w) || slices.Contains(a.Spec.Work.Failed, w.Status) }

// Works finds the works of a group, whoever asked for them.
func (a *API) Works(ctx context.Context, g Group) ([]Work, error) {
	found := map[string]Work{}
	var order []string
	err := ReadWhole(func() error {
		return a.List(ctx, g.Tenant, a.Spec.Work.Path+"?"+ofGroup(a.Spec.Work.Find, g), a.workKeys(), func(values []string) error {
			w, err := a.workOf(values)
			if _, known := found[w.ID]; !known {
				order = append(order, w.ID)
			}
			found[w.ID] = w
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("look for the works of %s of %s: %w", g.Name, g.Tenant, err)
	}
	var works []Work
	for _, id := range order {
		works = append(works, found[id])
	}
	return works, nil
}

// ofGroup is a query of the spec for one group.
func ofGroup(query string, g Group) string {
	return strings.ReplaceAll(query, "{group}", url.QueryEscape(g.Name))
}

// Things is the path of the list of a group's things: of those of its tenant where the spec has no question for one group.
func (a *API) Things(g Group) string {
	list, query := a.Spec.Groups.List, a.Spec.Groups.Find
	switch {
	case query == "":
		return list
	case strings.Contains(list, "?"):
		return list + "&" + ofGroup(query, g)
	}
	return list + "?" + ofGroup(query, g)
}

// Ask asks for the work of a group. After an error it may have been asked all the same.
func (a *API) Ask(ctx context.Context, g Group) (Work, error) {
	name, err := json.Marshal(g.Name)
	if err != nil {
		return Work{}, err
	}
	body := strings.ReplaceAll(a.Spec.Work.Body, "{group}", string(name[1:len(name)-1]))
	return a.work(ctx, http.MethodPost, g, a.Spec.Work.Path, []byte(body))
}

// Look tells how a work of a group is.
func (a *API) Look(ctx context.Context, g Group, id string) (Work, error) {
	return a.work(ctx, http.MethodGet, g, a.Spec.Work.Path+"/"+url.PathEscape(id), nil)
}

// work makes a request that is answered with a work.
func (a *API) work(ctx context.Context, method string, g Group, path string, body []byte) (w Work, err error) {
	keys := a.workKeys()
	err = a.ask(ctx, method, g.Tenant, path, body, func(dec *json.Decoder) error {
		values, err := fieldsOf(keys...).pick(dec, len(keys))
		if err == nil {
			w, err = a.workOf(values)
		}
		return err
	})
	return w, err
}
