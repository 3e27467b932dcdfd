package agentapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"onerpm/internal/manifest"
)

// PageSize is how many items are asked for at a time; an answer may have fewer, or more.
const PageSize = 100

const unknown = -1

// listPage is one answer of a list: what stands at the keys of its items.
type listPage struct {
	items [][]string
	total int // of the list, or unknown
}

// page asks for one page.
func (l *listing) page(ctx context.Context, offset, size int) (listPage, error) {
	separator := "?"
	if strings.Contains(l.path, "?") {
		separator = "&"
	}
	lists := l.api.Spec.Lists
	query := url.Values{lists.Size: {strconv.Itoa(size)}, lists.Offset: {strconv.Itoa(offset)}}
	var p listPage
	err := l.api.retry(ctx, func() error {
		return l.api.ask(ctx, http.MethodGet, l.tenant, l.path+separator+query.Encode(), nil, func(dec *json.Decoder) error {
			r := pageReader{dec: dec, lists: lists, fields: fieldsOf(l.keys...), keys: len(l.keys), page: listPage{total: unknown}}
			err := r.object("")
			if err == nil && !r.found {
				err = &listError{fmt.Sprintf("the answer has no list %q", lists.Items)}
			}
			p = r.page
			return err
		})
	})
	return p, err
}

// pageReader reads a page, and holds one item of it at a time.
type pageReader struct {
	dec    *json.Decoder
	lists  manifest.AgentLists
	fields *fields
	keys   int
	page   listPage
	found  bool
}

// object reads an object that stands at a key of the answer; "" is the answer itself.
func (r *pageReader) object(at string) error {
	object, err := open(r.dec, '{')
	if err != nil || !object {
		return err
	}
	for r.dec.More() {
		name, err := r.dec.Token()
		if err != nil {
			return err
		}
		key := strings.TrimPrefix(at+"."+name.(string), ".") // JSON has no other keys
		switch {
		case key == r.lists.Items:
			err = r.list()
		case key == r.lists.Total:
			err = r.total()
		case strings.HasPrefix(r.lists.Items, key+"."), strings.HasPrefix(r.lists.Total, key+"."):
			err = r.object(key)
		default:
			err = r.dec.Decode(&passed{})
		}
		if err != nil {
			return err
		}
	}
	_, err = r.dec.Token()
	return err
}

func (r *pageReader) list() error {
	list, err := open(r.dec, '[')
	if err != nil || !list {
		return err
	}
	r.found = true
	for r.dec.More() {
		item, err := r.fields.pick(r.dec, r.keys)
		if err != nil {
			return err
		}
		r.page.items = append(r.page.items, item)
	}
	_, err = r.dec.Token()
	return err
}

func (r *pageReader) total() error {
	var n json.RawMessage
	if err := r.dec.Decode(&n); err != nil {
		return err
	}
	total, err := strconv.Atoi(textOf(n))
	if err != nil || total < 0 {
		return &listError{fmt.Sprintf("%q is %.50s, which is no number of items", r.lists.Total, n)}
	}
	r.page.total = total
	return nil
}
