package outside

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

const question = "http://127.0.0.1/api/v3.1/version"

// door answers, but for some questions in the middle; it ends the measuring with the last one.
type door struct {
	asked, shutFrom, openFrom, last int
	end                             context.CancelFunc
}

func (d *door) RoundTrip(req *http.Request) (*http.Response, error) {
	d.asked++
	if req.URL.String() != question {
		return nil, errors.New("another question: " + req.URL.String())
	}
	if d.asked == d.last {
		defer d.end()
	}
	if d.asked >= d.shutFrom && d.asked < d.openFrom {
		if d.asked%2 == 0 {
			return nil, errors.New("connection refused")
		}
		return &http.Response{StatusCode: http.StatusBadGateway, Body: io.NopCloser(strings.NewReader(""))}, nil
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("{}"))}, nil
}

// Questions that get no answer or an error count, and the window lasts from the last answer before to the first one after.
func TestProbe(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	d := &door{shutFrom: 3, openFrom: 8, last: 10, end: end}
	g := probe(ctx, &http.Client{Transport: d}, question)
	if g.Failed != 5 {
		t.Errorf("%d questions without an answer, want 5", g.Failed)
	}
	if g.Length < 5*every {
		t.Errorf("the window is %v, and 5 questions %v apart got no answer", g.Length, every)
	}
}
