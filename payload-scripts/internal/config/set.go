package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"onerpm/internal/hostconf"
	"onerpm/internal/hostconf/syntax"
	"onerpm/internal/manifest"
	"onerpm/internal/redact"
	"onerpm/payload-scripts/internal/random"
)

func validValue(v manifest.Value) error {
	if said := v.Check(); said != "" {
		return errors.New(said)
	}
	if v.Literal != nil {
		if _, err := literal(v.Literal); err != nil {
			return err
		}
	}
	return nil
}

func literal(v any) (*syntax.Node, error) {
	switch v := v.(type) {
	case string:
		return &syntax.Node{Kind: syntax.String, Text: v}, nil
	case bool:
		return &syntax.Node{Kind: syntax.Bool, Text: strconv.FormatBool(v)}, nil
	case int:
		return &syntax.Node{Kind: syntax.Number, Text: strconv.Itoa(v)}, nil
	case int64:
		return &syntax.Node{Kind: syntax.Number, Text: strconv.FormatInt(v, 10)}, nil
	case uint64:
		return &syntax.Node{Kind: syntax.Number, Text: strconv.FormatUint(v, 10)}, nil
	case float64:
		b, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("write %v: %w", v, err)
		}
		return &syntax.Node{Kind: syntax.Number, Text: string(b)}, nil
	case json.Number:
		return &syntax.Node{Kind: syntax.Number, Text: v.String()}, nil
	}
	return nil, fmt.Errorf("a literal must be a string, a bool or a number, not %T", v)
}

// draw returns the random value of a key: what was drawn for it before, or a new one, which
// is noted in in.Drawn.
func (in Input) draw(key string, v manifest.Value) (string, error) {
	if text, drawn := in.Drawn[key]; drawn {
		return text, nil
	}
	text, err := random.Draw(in.Random, v)
	if err == nil && in.Drawn != nil {
		in.Drawn[key] = text
	}
	return text, err
}

// applySet writes what the spec sets into the wanted tree. Copies come last and
// see the values of the merged file; a key that the merged file has no more is
// copied from the host's.
func (m *merger) applySet(want, mine *syntax.Node) error {
	if len(m.in.Set) == 0 {
		return nil
	}
	keys := make([]string, 0, len(m.in.Set))
	for k := range m.in.Set {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	var copies []string
	for _, key := range keys {
		v := m.in.Set[key]
		had := mine.Lookup(key)
		switch {
		case v.Copy != "":
			copies = append(copies, key)
			continue
		case v.Random > 0 && had != nil && had.Kind != syntax.Null && (had.Kind != syntax.String || had.Text != ""):
			if err := m.put(want, mine, key, had); err != nil {
				return err
			}
			continue
		case v.Random > 0:
			text, err := m.in.draw(key, v)
			if err != nil {
				return fmt.Errorf("set %s: %w", key, err)
			}
			if err := m.put(want, mine, key, &syntax.Node{Kind: syntax.String, Text: text, Secret: true}); err != nil {
				return err
			}
			continue
		}
		n, err := literal(v.Literal)
		if err != nil {
			return fmt.Errorf("set %s: %w", key, err)
		}
		if manifest.TextValues(m.in.Format) {
			n.Kind = syntax.String
		}
		if err := m.put(want, mine, key, n); err != nil {
			return err
		}
	}
	return m.applyCopies(want, mine, copies)
}

// applyCopies resolves copies of copies in as many rounds as there are keys.
func (m *merger) applyCopies(want, mine *syntax.Node, keys []string) error {
	for len(keys) > 0 {
		var later []string
		for _, key := range keys {
			src := m.in.Set[key].Copy
			if slices.Contains(keys, src) {
				later = append(later, key)
				continue
			}
			v := want.Lookup(src).Resolve()
			if v == nil {
				v = mine.Lookup(src).Resolve()
			}
			if v == nil { // copied by an earlier merge of this very file
				v = mine.Lookup(key).Resolve()
			}
			if v == nil {
				m.unknown = append(m.unknown, fmt.Sprintf("%s (a copy of %s, which the host's file does not have)", key, src))
				continue
			}
			c := *v
			c.Secret = c.Secret || redact.Path(src)
			c.Exported = false // that was said of the other key
			if err := m.put(want, mine, key, &c); err != nil {
				return err
			}
		}
		if len(later) == len(keys) {
			return fmt.Errorf("set %s: copies of one another in a circle", strings.Join(keys, ", "))
		}
		keys = later
	}
	return nil
}

// put writes v at key and notes the change.
func (m *merger) put(want, mine *syntax.Node, key string, v *syntax.Node) error {
	had := mine.Lookup(key)
	if err := want.Store(key, v, hostconf.Levels(m.in.Format)); err != nil {
		return fmt.Errorf("set %s: %w", key, err)
	}
	switch {
	case had == nil:
		m.note(key, Added, BySet, nil, v)
	case !syntax.Equal(had, v):
		m.note(key, Changed, BySet, had, v)
	}
	return nil
}
