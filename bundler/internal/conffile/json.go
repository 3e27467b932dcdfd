package conffile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"onerpm/bundler/internal/mistake"
)

// jsonReader walks a JSON text and collects its values.
type jsonReader struct {
	data []byte
	dec  *json.Decoder
	out  []Entry
}

func readJSON(file string, data []byte) ([]Entry, *mistake.Mistake) {
	r := &jsonReader{data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	r.dec.UseNumber()
	var whole any
	err := json.Unmarshal(data, &whole)
	if err == nil {
		err = r.value("")
	}
	if err == nil {
		return r.out, nil
	}
	line, column := 0, 0
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		line, column = r.place(syntax.Offset - 1)
	}
	return nil, &mistake.Mistake{File: file, Line: line, Column: column, What: "not JSON: " + err.Error()}
}

// value reads one value: an object by its keys, anything else as one entry.
func (r *jsonReader) value(key string) error {
	start := r.start()
	t, err := r.dec.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('{') {
		if t == json.Delim('[') {
			if err := r.skip(); err != nil {
				return err
			}
		}
		line, column := r.place(start)
		var compact bytes.Buffer
		if err := json.Compact(&compact, r.data[start:r.dec.InputOffset()]); err != nil {
			return err
		}
		r.out = append(r.out, Entry{Key: key, Value: compact.String(), Line: line, Column: column})
		return nil
	}
	for r.dec.More() {
		name, err := r.dec.Token()
		if err != nil {
			return err
		}
		if err := r.value(join(key, fmt.Sprint(name))); err != nil {
			return err
		}
	}
	_, err = r.dec.Token() // }
	return err
}

// skip reads to the end of a list.
func (r *jsonReader) skip() error {
	for depth := 1; depth > 0; {
		t, err := r.dec.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
	}
	return nil
}

// start is where the next value starts.
func (r *jsonReader) start() int64 {
	at := r.dec.InputOffset()
	for at < int64(len(r.data)) && bytes.IndexByte([]byte(" \t\r\n:,"), r.data[at]) >= 0 {
		at++
	}
	return at
}

func (r *jsonReader) place(offset int64) (line, column int) {
	before := r.data[:min(max(offset, 0), int64(len(r.data)))]
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}
