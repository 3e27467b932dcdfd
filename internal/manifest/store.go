package manifest

// Store is data of the product that changes its database: the old release keeps it as
// documents in an Elasticsearch 1.x, the new one as rows in PostgreSQL. It is copied
// while the old release serves, and brought up to date in the window.
type Store struct {
	Name   string               `json:"name" yaml:"name"`               // what it is called in the bundle
	From   StoreSource          `json:"from" yaml:"from"`               // where the documents are
	To     string               `json:"to" yaml:"to"`                   // name of the entry of databases that gets the rows
	Values map[string]HostValue `json:"values,omitempty" yaml:"values"` // values of the host's configuration that edits put in as <<name>>
	Ignore []StoreIgnore        `json:"ignore,omitempty" yaml:"ignore"` // documents without a place in the new release; others that no table reads are an error
	Tables []StoreTable         `json:"tables" yaml:"tables"`           // tables of the new release, in the order of their foreign keys
	Early  Duration             `json:"early,omitempty" yaml:"early"`   // how far a document's time may lie before the time of its writing; 10m when absent

	Untouched map[string]string `json:"-" yaml:"untouched"` // tables of the new release that get nothing, each with the reason; for bundler check alone
}

// StoreSource tells where on the host the address of the documents stands.
type StoreSource struct {
	Elasticsearch HostAddress `json:"elasticsearch" yaml:"elasticsearch"` // file on the host with the address of Elasticsearch
}

// HostAddress names a file of the product's configuration, and the keys of an address in it.
type HostAddress struct {
	File   string `json:"file" yaml:"file"`           // path on the host of the file
	Format string `json:"format" yaml:"format"`       // format of the file: json, yaml, env, ini, toml or properties
	Host   string `json:"host" yaml:"host"`           // key of the host, whose value may be host:port
	Port   string `json:"port,omitempty" yaml:"port"` // key of the port
}

// HostValue is a value of the host's configuration.
type HostValue struct {
	File   string `json:"file" yaml:"file"`       // path on the host of the file
	Format string `json:"format" yaml:"format"`   // format of the file: json, yaml, env, ini, toml or properties
	Key    string `json:"key" yaml:"key"`         // key in the file, as a.b.c
	As     string `json:"as,omitempty" yaml:"as"` // kind of the value: text, integer or boolean; text when absent
}

// StoreIgnore names documents that are not copied.
type StoreIgnore struct {
	Index string `json:"index" yaml:"index"`         // name of the index; * stands for any text
	Type  string `json:"type,omitempty" yaml:"type"` // type of the documents; every type when absent
	Why   string `json:"why" yaml:"why"`             // reason, for people
}

// StoreTable is one table of the new release and the documents that become its rows.
type StoreTable struct {
	Table   string                 `json:"table" yaml:"table"`             // name of the table, with its schema when that is not public
	Read    StoreRead              `json:"read" yaml:"read"`               // which documents become its rows
	Key     []string               `json:"key" yaml:"key"`                 // paths in the document that name it, once in the table; _id is the document's id
	Number  string                 `json:"number,omitempty" yaml:"number"` // integer column that the copy numbers, and that others refer to
	Always  map[string]JSON        `json:"always,omitempty" yaml:"always"` // columns with the value that every row gets
	Columns map[string]StoreColumn `json:"columns" yaml:"columns"`         // columns with what each holds
	Edit    []StoreEdit            `json:"edit,omitempty" yaml:"edit"`     // changes of the document before it is read, in order

	// Marks are what edits of later tables can ask of the rows that their documents refer to: names, each with paths and a condition of each.
	Marks map[string]map[string]StoreCondition `json:"marks,omitempty" yaml:"marks"`
}

// StoreRead names the documents of a table.
type StoreRead struct {
	Index string `json:"index" yaml:"index"`           // name of the index; * stands for any text
	Type  string `json:"type" yaml:"type"`             // type of the documents
	Each  string `json:"each,omitempty" yaml:"each"`   // path of a list: one row for each of its items, which columns are then read from
	Grows string `json:"grows,omitempty" yaml:"grows"` // path of the time of writing: documents are only added, and in the window only the last are read
}

// StoreColumn tells what a column holds: from, meta or row.
type StoreColumn struct {
	From string   `json:"from,omitempty" yaml:"from"` // path in the document, or in the item of each
	Meta string   `json:"meta,omitempty" yaml:"meta"` // what stands beside the document: _id, _index, _type or _version
	Row  string   `json:"row,omitempty" yaml:"row"`   // name of an earlier table: the column holds the number of one of its rows
	By   []string `json:"by,omitempty" yaml:"by"`     // together with row: paths of the values of that table's key
	Of   string   `json:"of,omitempty" yaml:"of"`     // document, when paths are of the whole document and not of the item of each
	As   string   `json:"as,omitempty" yaml:"as"`     // kind of value; text when absent

	Required   bool     `json:"required,omitempty" yaml:"required"`     // true when it is never NULL
	Lacking    *Instead `json:"lacking,omitempty" yaml:"lacking"`       // what happens when there is no value, or no such row: NULL when absent, or fail when required
	Unreadable *Instead `json:"unreadable,omitempty" yaml:"unreadable"` // what happens when the value is none of that kind: fail when absent
	Only       []string `json:"only,omitempty" yaml:"only"`             // texts that may come; another is unreadable
	Final      []string `json:"final,omitempty" yaml:"final"`           // texts that may be there in the window; another one stops the upgrade

	// What the table's column can hold, as the migrations that make it say. The bundler notes it, so that a host knows before there is a table.
	Bits   int `json:"bits,omitempty" yaml:"-"`   // of an integer; 0 for 32
	Length int `json:"length,omitempty" yaml:"-"` // of a text, in characters; 0 for any

	Ended map[string]JSON `json:"ended,omitempty" yaml:"ended"` // together with final: paths with the value that each gets in a document that the admin declares ended
}

// Instead is what happens without a value: skip (no row, but counted), null or fail; or one of its keys.
type Instead struct {
	Do    string `json:"do,omitempty" yaml:",scalar"`  // skip (no row, but counted), null or fail
	Value JSON   `json:"value,omitempty" yaml:"value"` // another value instead
	From  string `json:"from,omitempty" yaml:"from"`   // the value at another path instead
}

// What Instead.Do may be.
const (
	Skip = "skip"
	Null = "null"
	Fail = "fail"
)

// StoreEdit changes documents: first remove, then set, put and append.
type StoreEdit struct {
	When   map[string]StoreCondition `json:"when,omitempty" yaml:"when"`     // paths with a condition of each; all of them must hold
	Row    *StoreEditRow             `json:"row,omitempty" yaml:"row"`       // a row that the document must refer to, besides
	Remove []string                  `json:"remove,omitempty" yaml:"remove"` // paths that are removed
	Set    map[string]JSON           `json:"set,omitempty" yaml:"set"`       // paths with the value that each gets, whatever was there
	Put    map[string]JSON           `json:"put,omitempty" yaml:"put"`       // paths with the value that each gets where there is no such key
	Append map[string]StoreItem      `json:"append,omitempty" yaml:"append"` // paths of lists with what is added to each; no list is an empty one
}

// StoreCondition is about the value at a path: one of its keys.
type StoreCondition struct {
	Has    JSON   `json:"has,omitempty" yaml:"has"`       // it is a list with this item
	Is     JSON   `json:"is,omitempty" yaml:"is"`         // it is this value
	In     JSON   `json:"in,omitempty" yaml:"in"`         // it is an item of this list
	Exists *bool  `json:"exists,omitempty" yaml:"exists"` // it is there and not null
	Kind   string `json:"kind,omitempty" yaml:"kind"`     // it is an object, list, text, number or boolean
}

// StoreEditRow is a condition about a row of an earlier table.
type StoreEditRow struct {
	Table  string   `json:"table" yaml:"table"`   // name of a table that stands before
	By     []string `json:"by" yaml:"by"`         // paths of the values of that table's key
	Marked string   `json:"marked" yaml:"marked"` // one of the names among its marks
}

// StoreItem is what is appended.
type StoreItem struct {
	Item   JSON            `json:"item" yaml:"item"`               // what is added: any value
	Unless map[string]JSON `json:"unless,omitempty" yaml:"unless"` // paths with values: it is not added when an item has all of them
}

// Kinds of values of a column.
const (
	AsText     = "text"      // a text; what PostgreSQL's cannot hold becomes U+FFFD
	AsInteger  = "integer"   // a whole number
	AsBoolean  = "boolean"   // true or false
	AsTime     = "time"      // a time with a zone, in UTC
	AsWall     = "wall"      // a time without a zone; an offset is applied, another tail ignored
	AsJSON     = "json"      // bytes: the value as it stands in the document
	AsJSONText = "json-text" // text: likewise
	AsPickle   = "pickle"    // bytes: Python's pickle of the value, protocol 2
)

// StoreKinds are all of them.
var StoreKinds = []string{AsText, AsInteger, AsBoolean, AsTime, AsWall, AsJSON, AsJSONText, AsPickle}
