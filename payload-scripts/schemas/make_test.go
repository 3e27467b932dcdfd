package schemas

import (
	"bytes"
	"cmp"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/answer"
	"onerpm/payload-scripts/internal/source"
	"onerpm/payload-scripts/internal/upgrade"
	"onerpm/test/comments"
)

// answers are all that have a schema, each with the forms that it may have.
var answers = []struct {
	name, title string
	forms       []form
}{
	{"check", "What check answers, and start and rehearse where they began nothing", []form{{"", reflect.TypeFor[answer.Verdict]()}}},
	{"report", "What report and wait answer", []form{{"an upgrade", reflect.TypeFor[upgrade.Report]()}, {"none", reflect.TypeFor[answer.NotStarted]()}}},
	{"status", "What status answers", []form{{"an upgrade", reflect.TypeFor[answer.Status]()}, {"none", reflect.TypeFor[answer.NoStatus]()}}},
	{"summary", "What report --summary answers", []form{{"", reflect.TypeFor[answer.Summary]()}}},
	{"history", "What report --all answers", []form{{"", reflect.TypeFor[answer.History]()}}},
	{"error", "What any command answers that cannot do its work", []form{{"", reflect.TypeFor[answer.Failure]()}}},
}

// form is one form of an answer.
type form struct {
	name string // "" for the only one
	of   reflect.Type
}

// node is one schema, with what is used of the vocabulary. A key that it does not name is allowed: some may come.
type node struct {
	Schema      string     `json:"$schema,omitempty"`
	Title       string     `json:"title,omitempty"`
	Description string     `json:"description,omitempty"`
	Ref         string     `json:"$ref,omitempty"`
	Type        string     `json:"type,omitempty"`
	Format      string     `json:"format,omitempty"`
	Pattern     string     `json:"pattern,omitempty"`
	Enum        []string   `json:"enum,omitempty"`
	Items       *node      `json:"items,omitempty"`
	Properties  properties `json:"properties,omitempty"`
	Required    []string   `json:"required,omitempty"`
	More        *node      `json:"additionalProperties,omitempty"`
	AnyOf       []*node    `json:"anyOf,omitempty"`
	Defs        properties `json:"$defs,omitempty"`
}

// properties keep the order in which they are written.
type properties []property

type property struct {
	key  string
	node *node
}

// MarshalJSON writes an object.
func (p properties) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range p {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(f.key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(f.node)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// maker makes one schema.
type maker struct {
	t    *testing.T
	defs properties
}

// source of a type's package: what its comments say, and the words of its types of text.
type described struct {
	comments map[string]string
	words    map[string][]string
}

var read = map[string]described{} // by path of the package

func (m *maker) source(of reflect.Type) described {
	m.t.Helper()
	path := of.PkgPath()
	if d, ok := read[path]; ok {
		return d
	}
	folder := "../../" + strings.TrimPrefix(path, "onerpm/")
	var d described
	var err error
	if d.comments, err = comments.Read(folder); err == nil {
		d.words, err = comments.Words(folder)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	read[path] = d
	return d
}

// value is the schema of a Go value.
func (m *maker) value(of reflect.Type) *node {
	switch of {
	case reflect.TypeFor[time.Time]():
		return &node{Type: "string", Format: "date-time"}
	case reflect.TypeFor[manifest.Duration]():
		return &node{Type: "string", Pattern: `^-?([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`}
	case reflect.TypeFor[source.Proof]():
		return &node{} // what it holds is promised to nobody
	}
	switch of.Kind() {
	case reflect.Pointer:
		return m.value(of.Elem())
	case reflect.Struct:
		return m.reference(of)
	case reflect.Slice:
		return &node{Type: "array", Items: m.value(of.Elem())}
	case reflect.Map:
		return &node{Type: "object", More: m.value(of.Elem())}
	case reflect.Bool:
		return &node{Type: "boolean"}
	case reflect.Int, reflect.Int64:
		return &node{Type: "integer"}
	case reflect.String:
		n := &node{Type: "string"}
		if of.PkgPath() != "" {
			n.Enum = m.source(of).words[of.Name()]
		}
		return n
	}
	m.t.Fatalf("no schema is known for %s", of)
	return nil
}

// reference puts a type among the definitions and refers to it.
func (m *maker) reference(of reflect.Type) *node {
	name := of.Name()
	for _, d := range m.defs {
		if d.key == name {
			return &node{Ref: "#/$defs/" + name}
		}
	}
	at := len(m.defs)
	m.defs = append(m.defs, property{key: name})
	n := &node{Type: "object", Description: m.source(of).comments[name]}
	m.fields(n, of)
	m.defs[at].node = n
	return &node{Ref: "#/$defs/" + name}
}

// fields adds the keys of a struct, those of embedded ones too.
func (m *maker) fields(n *node, of reflect.Type) {
	for i := range of.NumField() {
		f := of.Field(i)
		if f.Anonymous {
			m.fields(n, f.Type)
			continue
		}
		key, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		v := m.value(f.Type)
		v.Description = m.source(of).comments[of.Name()+"."+f.Name]
		n.Properties = append(n.Properties, property{key, v})
		if option == "" {
			n.Required = append(n.Required, key)
		}
	}
}

// tree is the schema of an answer.
func tree(t *testing.T, title string, forms []form) *node {
	t.Helper()
	m := &maker{t: t}
	root := &node{Schema: "https://json-schema.org/draft/2020-12/schema", Title: title}
	for _, f := range forms {
		root.AnyOf = append(root.AnyOf, m.reference(f.of))
	}
	if len(forms) == 1 {
		root.Ref, root.AnyOf = root.AnyOf[0].Ref, nil
	}
	root.Defs = m.defs
	return root
}

// definition is what a node refers to, or the node itself.
func (n *node) definition(root *node) *node {
	for _, d := range root.Defs {
		if n.Ref == "#/$defs/"+d.key {
			return d.node
		}
	}
	return n
}

// promises are what programs may rely on of one form: each key with its type, and each word that may stand there.
func promises(root, n *node, path string) []string {
	n = n.definition(root)
	switch {
	case n.Items != nil:
		return promises(root, n.Items, path+"[]")
	case n.More != nil:
		return promises(root, n.More, path+".*")
	case len(n.Properties) == 0 && (strings.HasSuffix(path, "]") || strings.HasSuffix(path, "*")):
		return []string{path + " " + n.Type}
	}
	var out []string
	for _, p := range n.Properties {
		d := p.node.definition(root)
		if d.Type == "" {
			continue // it may be anything
		}
		at := strings.TrimPrefix(path+"."+p.key, ".")
		always := "sometimes"
		for _, key := range n.Required {
			if key == p.key {
				always = "always"
			}
		}
		out = append(out, strings.TrimSuffix(at+" "+always+" "+d.Type+" "+d.Format, " "))
		for _, word := range d.Enum {
			out = append(out, at+" may be "+cmp.Or(word, `""`))
		}
		out = append(out, promises(root, p.node, at)...)
	}
	return out
}
