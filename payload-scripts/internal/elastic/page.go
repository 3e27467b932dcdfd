package elastic

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"onerpm/payload-scripts/internal/document"
)

// keptBytes is how much room of a document is used again for the next one.
const keptBytes = 1 << 20

// page is what an answer to a search says, but for its documents.
type page struct {
	scroll string
	shards shards
	total  int64 // documents that were found
	hits   int64 // documents that came
}

// hit is a document in an answer.
type hit struct {
	Index   string          `json:"_index"`
	Type    string          `json:"_type"`
	ID      string          `json:"_id"`
	Version int64           `json:"_version"`
	Source  json.RawMessage `json:"_source"`
}

// readPage reads an answer and calls each with its documents, one after the other. It holds
// one of them.
func readPage(r io.Reader, each func(*document.Document) error) (p page, err error) {
	bounded := &bounded{r: r}
	d := json.NewDecoder(bounded)
	timedOut := false
	err = object(d, func(key string) error {
		switch key {
		case "_scroll_id":
			return d.Decode(&p.scroll)
		case "timed_out":
			return d.Decode(&timedOut)
		case "_shards":
			return d.Decode(&p.shards)
		case "hits":
			return object(d, func(key string) error {
				switch key {
				case "total":
					return d.Decode(&p.total)
				case "hits":
					return p.documents(d, bounded, each)
				}
				return skip(d)
			})
		}
		return skip(d)
	})
	switch {
	case err != nil:
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return p, err
	case timedOut:
		return p, fmt.Errorf("%w in time", ErrShards)
	}
	return p, nil
}

// documents reads the list of documents.
func (p *page) documents(d *json.Decoder, b *bounded, each func(*document.Document) error) error {
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return errors.Join(err, errNoPage)
	}
	var h hit
	for d.More() {
		b.left = maxHit
		if cap(h.Source) > keptBytes {
			h.Source = nil
		}
		h = hit{Source: h.Source[:0]}
		if err := d.Decode(&h); err != nil {
			return err
		}
		if h.Index == "" || h.Type == "" || h.ID == "" {
			return errNoPage
		}
		p.hits++
		if each == nil {
			continue
		}
		if err := each(&document.Document{Index: h.Index, Type: h.Type, ID: h.ID, Version: h.Version, Source: h.Source}); err != nil {
			return err
		}
	}
	b.left = maxHit
	_, err := d.Token()
	return err
}

var errNoPage = errors.New("the answer is no page of documents")

// object calls member with each key of an object; member reads the value.
func object(d *json.Decoder, member func(key string) error) error {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.Join(err, errNoPage)
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		key, is := t.(string)
		if !is {
			return errNoPage
		}
		if err := member(key); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

func skip(d *json.Decoder) error {
	var v json.RawMessage
	return d.Decode(&v)
}

// bounded ends an answer in which one part is too large to be held.
type bounded struct {
	r    io.Reader
	left int // bytes until the next document's end
	any  bool
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if !b.any {
		b.any, b.left = true, maxHit
	}
	if b.left <= 0 {
		return 0, fmt.Errorf("a document or another part of the answer has more than %d MB", maxHit>>20)
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
