// Package schema makes the JSON schemas (draft 2020-12) of the files that a release
// engineer writes, for editors: which keys there are, what they mean, what is
// allowed. They come from the Go types that the bundler reads the files into, from
// those types' comments, and from release.Rules.
//
// It promises that a schema refuses nothing that bundler check admits; check finds
// more, because it looks at all files together. The schemas that are made lie in
// bundler/schemas/, and a test keeps them equal to what is made.
package schema

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"onerpm/bundler/internal/release"
	"onerpm/internal/manifest"
)

// File is one kind of file that has a schema.
type File struct {
	Name  string // of the schema, without .schema.json
	Where string // the files that it is for
	root  reflect.Type
}

// Files are all kinds.
var Files = []File{
	{"product", "versions/product.yaml", reflect.TypeFor[release.Product]()},
	{"release", "versions/<version>.yaml", reflect.TypeFor[release.Release]()},
	{"installed-base", "versions/installed-base.yaml", reflect.TypeFor[release.InstalledBase]()},
	{"upgrade", "specs/<from>-<to>/upgrade.yaml", reflect.TypeFor[release.Spec]()},
}

// node is one schema, with what is used of the vocabulary.
type node struct {
	Schema      string           `json:"$schema,omitempty"`
	Title       string           `json:"title,omitempty"`
	Description string           `json:"description,omitempty"`
	Ref         string           `json:"$ref,omitempty"`
	Type        any              `json:"type,omitempty"` // a string, or several
	Enum        []string         `json:"enum,omitempty"`
	Pattern     string           `json:"pattern,omitempty"`
	MinLength   int              `json:"minLength,omitempty"`
	Minimum     *int64           `json:"minimum,omitempty"`
	Maximum     *int64           `json:"maximum,omitempty"`
	Items       *node            `json:"items,omitempty"`
	MinItems    int              `json:"minItems,omitempty"`
	Properties  properties       `json:"properties,omitempty"`
	Required    []string         `json:"required,omitempty"`
	Names       *node            `json:"propertyNames,omitempty"`
	More        any              `json:"additionalProperties,omitempty"` // false, or a node
	Least       int              `json:"minProperties,omitempty"`
	Most        int              `json:"maxProperties,omitempty"`
	AnyOf       []*node          `json:"anyOf,omitempty"`
	OneOf       []*node          `json:"oneOf,omitempty"` // of a mapping: which keys must be there
	Defs        map[string]*node `json:"$defs,omitempty"`
}

// properties keep the order of the type, which is the order in which people write.
type properties []property

type property struct {
	key  string
	node *node
}

// MarshalJSON writes an object.
func (p properties) MarshalJSON() ([]byte, error) {
	var b strings.Builder
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
	return []byte(b.String()), nil
}

// Make writes the schema of a kind of file.
func (f File) Make(c Comments) ([]byte, error) {
	root := f.tree(c)
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(root)
	return []byte(out.String()), err
}

// tree is the schema of a kind of file.
func (f File) tree(c Comments) *node {
	m := maker{comments: c, defs: map[string]*node{}}
	root := m.structure(f.root)
	root.Description = ""
	root.Schema, root.Title, root.Defs = "https://json-schema.org/draft/2020-12/schema", f.Where, m.defs
	return root
}

// Comments are what the Go source says of types and fields: Type and Type.Field -> text.
type Comments map[string]string

type maker struct {
	comments Comments
	defs     map[string]*node // by the type's name
}

var (
	textTypes = []string{"string", "number", "boolean"} // a text may be written without quotes: version: 1.10
	duration  = `^\+?([0-9]+(\.[0-9]*)?(ns|us|µs|μs|ms|s|m|h))+$|^0$`
)

// value is the schema of a Go value; rule is what is known about it besides.
func (m *maker) value(t reflect.Type, rule release.Rule, name string) *node {
	switch t {
	case reflect.TypeFor[manifest.Duration]():
		return &node{Type: "string", Pattern: duration}
	case reflect.TypeFor[manifest.JSON]():
		return &node{} // any value
	case reflect.TypeFor[manifest.Side]():
		return &node{Enum: []string{"old", "new"}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return m.value(t.Elem(), rule, name)
	case reflect.Struct:
		return m.reference(t, name)
	case reflect.Slice:
		n := &node{Type: "array", Items: m.value(t.Elem(), release.Rule{Pattern: rule.Pattern}, strings.TrimSuffix(name, "s"))}
		if rule.Need {
			n.MinItems = 1
		}
		return n
	case reflect.Map:
		n := &node{Type: "object", More: m.value(t.Elem(), rule, name)}
		if rule.Keys != nil && t.Elem().Kind() != reflect.Map {
			n.Names = &node{Enum: rule.Keys}
		}
		return n
	case reflect.Bool:
		return &node{Type: "boolean"}
	case reflect.Int, reflect.Int64:
		return number(rule)
	}
	return text(rule)
}

func number(rule release.Rule) *node {
	n := &node{Type: "integer"}
	if rule.Least != 0 || rule.Most != 0 {
		n.Minimum = &rule.Least
		if rule.Most < 1<<31-1 {
			n.Maximum = &rule.Most
		}
	}
	return n
}

func text(rule release.Rule) *node {
	n := &node{Type: textTypes, Enum: rule.OneOf}
	if rule.Need {
		n.MinLength = 1
	}
	if rule.OneOf != nil {
		n.Type, n.MinLength = nil, 0
	}
	if rule.Pattern != nil {
		n.Pattern, n.MinLength = rule.Pattern.String(), 0
		n.Type = "string"
		if rule.Pattern.MatchString("1.5") || rule.Pattern.MatchString("1234567") || rule.Pattern.MatchString("640") {
			n.Type = []string{"string", "number"}
		}
	}
	return n
}

// reference puts a type among the definitions and refers to it. A type without a name
// is called after its field.
func (m *maker) reference(t reflect.Type, field string) *node {
	name := t.Name()
	if name == "" {
		name = field
	}
	if _, done := m.defs[name]; !done {
		m.defs[name] = nil // against going round in circles
		m.defs[name] = m.named(t, name)
	}
	return &node{Ref: "#/$defs/" + name}
}

func (m *maker) structure(t reflect.Type) *node { return m.named(t, t.Name()) }

func (m *maker) named(t reflect.Type, name string) *node {
	n := &node{Type: "object", More: false, Description: m.comments[name]}
	scalar := false
	for i := range t.NumField() {
		f := t.Field(i)
		tag, ok := f.Tag.Lookup("yaml")
		key, option, _ := strings.Cut(tag, ",")
		switch {
		case !ok || key == "-":
			continue
		case option == "scalar":
			scalar = true
			continue
		}
		rule := release.Rules[name+"."+key]
		v := m.value(f.Type, rule, f.Name)
		v.Description = m.comments[name+"."+f.Name]
		n.Properties = append(n.Properties, property{key, v})
		switch {
		case rule.Unless != "" && n.OneOf == nil:
			n.OneOf = []*node{{Required: []string{rule.Unless}}, {Required: []string{key}}}
		case rule.Unless != "":
			n.OneOf[1].Required = append(n.OneOf[1].Required, key)
		case rule.Need:
			n.Required = append(n.Required, key)
		}
	}
	if !scalar {
		return n
	}
	return &node{Description: n.Description, AnyOf: append([]*node{{Type: textTypes}}, choices(name, n.Properties)...)}
}

// choices are the forms of a value that is one of several keys: any one alone, or one together with the key that says more of it.
func choices(name string, all properties) []*node {
	alone := &node{Type: "object", More: false, Least: 1, Most: 1}
	forms := []*node{alone}
	for _, p := range all {
		with := release.Rules[name+"."+p.key].With
		if with == "" {
			alone.Properties = append(alone.Properties, p)
			continue
		}
		of := slices.IndexFunc(all, func(o property) bool { return o.key == with })
		forms = append(forms, &node{Type: "object", More: false, Required: []string{with}, Properties: properties{all[of], p}})
	}
	return forms
}
