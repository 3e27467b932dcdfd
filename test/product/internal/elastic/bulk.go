package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// Entry is one event or log of a daily index.
type Entry struct {
	Index, Type string
	ID          string // Elasticsearch makes one up if it is empty
	Source      []byte // in one line
}

// RefusedError says of which entries Elasticsearch said no; the others are written.
type RefusedError struct{ Answer string }

func (e *RefusedError) Error() string { return "bulk: refused: " + e.Answer }

// Bulk writes entries. Entries that Elasticsearch refuses are a [*RefusedError].
func (c Client) Bulk(ctx context.Context, entries []Entry) error {
	var b bytes.Buffer
	for _, e := range entries {
		action := map[string]string{"_index": e.Index, "_type": e.Type}
		if e.ID != "" {
			action["_id"] = e.ID
		}
		head, err := json.Marshal(map[string]any{"index": action})
		if err != nil {
			return err
		}
		b.Write(head)
		b.WriteByte('\n')
		b.Write(e.Source)
		b.WriteByte('\n')
	}
	body, err := c.Call(ctx, http.MethodPost, "/_bulk", b.Bytes())
	if err != nil {
		return err
	}
	var answer struct{ Errors bool }
	if err := json.Unmarshal(body, &answer); err != nil {
		return err
	}
	if answer.Errors {
		return &RefusedError{fmt.Sprintf("%.2000s", body)}
	}
	return nil
}
