package logstash

import (
	"encoding/json"
	"fmt"
	"time"

	"onerpm/test/product/internal/elastic"
)

// readable is the only form of time that the product's filter knows. What the worker and the agents send has an offset behind it.
const readable = "2006-01-02 15:04:05.000"

// Document makes of a message what is written of it: with the time of its arrival, because the sender's is not understood.
// One without an offset is, and is taken for this host's local time.
func Document(message []byte, now time.Time) (elastic.Entry, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(message, &fields); err != nil {
		return elastic.Entry{}, fmt.Errorf("the message is no JSON object: %w", err)
	}
	var head struct {
		Type      string `json:"type"`
		Timestamp any    `json:"timestamp"`
	}
	if err := json.Unmarshal(message, &head); err != nil {
		return elastic.Entry{}, fmt.Errorf("the message has another shape: %w", err)
	}
	tags := map[string][]string{"cloudify_event": {"event"}, "cloudify_log": {"log"}}[head.Type]
	if tags == nil {
		return elastic.Entry{}, fmt.Errorf("the message is a %q, neither cloudify_event nor cloudify_log", head.Type)
	}
	at := now
	if sent, ok := head.Timestamp.(string); ok {
		if t, err := time.ParseInLocation(readable, sent, time.Local); err == nil && len(sent) == len(readable) {
			at = t
		} else {
			tags = append(tags, "_dateparsefailure")
		}
	}
	at = at.UTC()
	for name, value := range map[string]any{"tags": tags, "@version": "1", "@timestamp": at.Format("2006-01-02T15:04:05.000Z")} {
		body, err := json.Marshal(value)
		if err != nil {
			return elastic.Entry{}, err
		}
		fields[name] = body
	}
	body, err := json.Marshal(fields)
	return elastic.Entry{Index: "logstash-" + at.Format("2006.01.02"), Type: head.Type, Source: body}, err
}
