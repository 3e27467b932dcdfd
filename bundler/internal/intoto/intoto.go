// Package intoto writes and reads in-toto statements (github.com/in-toto/attestation/spec,
// version 1). The types are our own, because the protobuf form of them is not written in
// equal bytes each time; tests hold what is written against the specification's types.
package intoto

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Type is the _type of every statement.
const Type = "https://in-toto.io/Statement/v1"

// MaxSize bounds a statement that is read, in bytes.
const MaxSize = 4 << 20

// Statement says something, the predicate, of its subjects.
type Statement[P any] struct {
	Type          string     `json:"_type"`
	Subject       []Resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     P          `json:"predicate"`
}

// Resource is a file, by digest.
type Resource struct {
	Name   string            `json:"name"`
	URI    string            `json:"uri,omitempty"`
	Digest map[string]string `json:"digest"` // algorithm, such as "sha256", to hexadecimal
}

// New makes a statement of a predicate.
func New[P any](predicateType string, predicate P, subject ...Resource) Statement[P] {
	return Statement[P]{Type: Type, Subject: subject, PredicateType: predicateType, Predicate: predicate}
}

// Encode writes a statement as JSON that people can read: equal values give equal bytes.
func (s Statement[P]) Encode() ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		return nil, fmt.Errorf("write the statement: %w", err)
	}
	return out.Bytes(), nil
}

// Decode reads a statement of one predicate type. It takes what Encode writes and nothing else: no
// unknown key, nothing after the end, no other form, at most MaxSize bytes.
func Decode[P any](text []byte, predicateType string) (Statement[P], error) {
	var s Statement[P]
	if len(text) > MaxSize {
		return s, fmt.Errorf("it has %d bytes, more than %d", len(text), MaxSize)
	}
	var head struct {
		Type          string `json:"_type"`
		PredicateType string `json:"predicateType"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return s, fmt.Errorf("it is no JSON of a statement: %w", err)
	}
	if head.Type != Type || head.PredicateType != predicateType {
		return s, fmt.Errorf("it is a %q of type %q, not a %q of type %q", head.Type, head.PredicateType, Type, predicateType)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return s, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return s, errors.New("there is something after its end")
	}
	again, err := s.Encode()
	if err != nil {
		return s, err
	}
	if !bytes.Equal(again, text) {
		return s, errors.New("it is not written as this program writes it (a doubled key, another order or spacing)")
	}
	return s, nil
}
