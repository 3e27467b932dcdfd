package hostconf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"onerpm/internal/manifest"
)

// Address is where a database is and who the product is there. Printed it shows no
// password; as JSON it is whole, for a file that only root can read.
type Address struct {
	Host     string `json:"host"` // name, IP address or folder of a socket
	Port     uint16 `json:"port"`
	Database string `json:"database"`
	User     string `json:"user"`
	Password string `json:"password"`
}

// String names the database without its password.
func (a Address) String() string {
	return fmt.Sprintf("database %s on %s as %s", a.Database, net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port))), a.User)
}

// GoString is String: %#v shows no password either.
func (a Address) GoString() string { return a.String() }

// ReadAddress reads the keys that c names from the content of its file. An error
// names the key, never a value.
func ReadAddress(data []byte, c manifest.Connection) (Address, error) {
	var get func(key string) (string, bool)
	var err error
	switch c.Format {
	case "yaml":
		get, err = yamlLookup(data)
	case "json":
		get, err = jsonLookup(data)
	case "env":
		get = envLookup(data)
	default:
		err = fmt.Errorf("format %q is none of json, yaml, env", c.Format)
	}
	if err != nil {
		return Address{}, err
	}
	a := Address{Port: 5432}
	var errs []error
	value := func(key string) string {
		if key == "" {
			return ""
		}
		v, ok := get(key)
		if !ok {
			errs = append(errs, fmt.Errorf("it has no value %q", key))
		}
		return v
	}
	host, port := splitHost(value(c.Keys.Host))
	if p := value(c.Keys.Port); p != "" {
		port = p
	}
	a.Host, a.Database, a.User, a.Password = host, value(c.Keys.Database), value(c.Keys.User), value(c.Keys.Password)
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			errs = append(errs, errors.New("the port is no number from 1 to 65535"))
		}
		a.Port = uint16(n)
	}
	if len(errs) == 0 && (a.Host == "" || a.Database == "" || a.User == "") {
		errs = append(errs, errors.New("host, database and user must not be empty"))
	}
	return a, errors.Join(errs...)
}

// splitHost takes "host", "host:port", "[v6]:port", a bare IPv6 address or the
// folder of a socket apart; the port is "" when there is none.
func splitHost(s string) (host, port string) {
	if strings.HasPrefix(s, "/") {
		return s, ""
	}
	if h, p, err := net.SplitHostPort(s); err == nil {
		return h, p
	}
	return strings.Trim(s, "[]"), ""
}

// yamlLookup reads scalars as they are written, so that a password 0123 stays one.
func yamlLookup(data []byte) (func(string) (string, bool), error) {
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, errors.New("it is no YAML") // the parser's own error shows the line
	}
	if len(file.Docs) == 0 {
		return nil, errors.New("it is empty")
	}
	return func(key string) (string, bool) {
		node := file.Docs[0].Body
		for _, part := range strings.Split(key, ".") {
			if node = child(node, part); node == nil {
				return "", false
			}
		}
		return scalar(node)
	}, nil
}

func child(node ast.Node, key string) ast.Node {
	m, ok := node.(ast.MapNode)
	if !ok {
		return nil
	}
	for it := m.MapRange(); it.Next(); {
		if name, ok := scalar(it.Key()); ok && name == key {
			return it.Value()
		}
	}
	return nil
}

func scalar(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.NullNode, *ast.AliasNode, *ast.AnchorNode, *ast.TagNode:
		return "", false
	case ast.ScalarNode:
		return n.GetToken().Value, true
	default:
		return "", false
	}
}

func jsonLookup(data []byte) (func(string) (string, bool), error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var root any
	if err := dec.Decode(&root); err != nil {
		return nil, errors.New("it is no JSON")
	}
	return func(key string) (string, bool) {
		node := root
		for _, part := range strings.Split(key, ".") {
			m, ok := node.(map[string]any)
			if !ok {
				return "", false
			}
			if node, ok = m[part]; !ok {
				return "", false
			}
		}
		switch v := node.(type) {
		case string:
			return v, true
		case json.Number:
			return v.String(), true
		default:
			return "", false
		}
	}, nil
}

// envLookup reads KEY=value lines as systemd's EnvironmentFile does, one pair of quotes taken off.
func envLookup(data []byte) func(string) (string, bool) {
	values := map[string]string{}
	for _, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		key, v, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if !ok || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		v = strings.TrimSpace(v)
		if n := len(v); n >= 2 && (v[0] == '"' || v[0] == '\'') && v[n-1] == v[0] {
			v = v[1 : n-1]
		}
		values[strings.TrimSpace(key)] = v
	}
	return func(key string) (string, bool) { v, ok := values[key]; return v, ok }
}
