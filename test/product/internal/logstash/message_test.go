package logstash_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"onerpm/test/product/internal/logstash"
)

// A time that the filter knows is taken for the host's; any other one is kept as it is, and the message has that of its arrival.
func TestDocument(t *testing.T) {
	zone := time.Local
	time.Local = time.FixedZone("", -5*3600)
	defer func() { time.Local = zone }()
	now := time.Date(2017, 3, 1, 23, 59, 59, 999e6, time.FixedZone("", 2*3600))
	for sent, want := range map[string]struct{ index, at, tags string }{
		`"2017-03-01 20:00:00.123"`:                   {"logstash-2017.03.02", "2017-03-02T01:00:00.123Z", `["log"]`},
		`"2017-03-01 20:00:00.123+0000"`:              {"logstash-2017.03.01", "2017-03-01T21:59:59.999Z", `["log","_dateparsefailure"]`},
		`"2017-03-01 20:00+0000"`:                     {"logstash-2017.03.01", "2017-03-01T21:59:59.999Z", `["log","_dateparsefailure"]`},
		`"2017-03-01 20:00:00.12"`:                    {"logstash-2017.03.01", "2017-03-01T21:59:59.999Z", `["log","_dateparsefailure"]`},
		`"2017-03-01 20:00:00.123W. Europe Standard"`: {"logstash-2017.03.01", "2017-03-01T21:59:59.999Z", `["log","_dateparsefailure"]`},
		`null`: {"logstash-2017.03.01", "2017-03-01T21:59:59.999Z", `["log"]`},
	} {
		entry, err := logstash.Document([]byte(`{"type": "cloudify_log", "n": 1.0, "timestamp": `+sent+`}`), now)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			N         json.RawMessage `json:"n"`
			Timestamp json.RawMessage `json:"timestamp"`
			At        string          `json:"@timestamp"`
			Tags      json.RawMessage `json:"tags"`
			Version   string          `json:"@version"`
		}
		if err := json.Unmarshal(entry.Source, &got); err != nil {
			t.Fatal(err)
		}
		if entry.Index != want.index || entry.Type != "cloudify_log" || entry.ID != "" || got.At != want.at || string(got.Tags) != want.tags ||
			string(got.Timestamp) != sent || string(got.N) != "1.0" || got.Version != "1" {
			t.Errorf("%s: %s %s", sent, entry.Index, entry.Source)
		}
	}
}

func TestNoDocument(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		`{`:                         "no JSON object",
		`[]`:                        "no JSON object",
		`{"type": 1}`:               "another shape",
		`{"type": "liveness"}`:      "neither cloudify_event nor cloudify_log",
		`{"message": "of no type"}`: "neither cloudify_event nor cloudify_log",
	} {
		if _, err := logstash.Document([]byte(message), time.Now()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", message, err, want)
		}
	}
}
