package database

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/jackc/pgx/v5"

	"onerpm/internal/manifest"
)

// maxConfig bounds the configuration file that is read, in bytes.
const maxConfig = 1 << 20

// address is where a database is and who we are there.
type address struct {
	host     string // name, IP address or folder of a socket
	port     uint16
	database string
	user     string
	password string
}

// String names the database without its password.
func (a address) String() string {
	return fmt.Sprintf("database %s on %s as %s", a.database, net.JoinHostPort(a.host, strconv.Itoa(int(a.port))), a.user)
}

// readAddress reads the keys that c names from the file on the host. An error
// names the file and the key, never a value.
func readAddress(c manifest.Connection) (address, error) {
	f, err := os.Open(c.File)
	if err != nil {
		return address{}, fmt.Errorf("read the database's address: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	data, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return address{}, fmt.Errorf("read the database's address: %w", err)
	}
	if len(data) > maxConfig {
		return address{}, fmt.Errorf("read the database's address: %s is larger than %d bytes", c.File, maxConfig)
	}
	a, err := parseAddress(data, c)
	if err != nil {
		return address{}, fmt.Errorf("read the database's address from %s: %w", c.File, err)
	}
	return a, nil
}

func parseAddress(data []byte, c manifest.Connection) (address, error) {
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
		return address{}, err
	}
	a := address{port: 5432}
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
	a.host, a.database, a.user, a.password = host, value(c.Keys.Database), value(c.Keys.User), value(c.Keys.Password)
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			errs = append(errs, errors.New("the port is no number from 1 to 65535"))
		}
		a.port = uint16(n)
	}
	if len(errs) == 0 && (a.host == "" || a.database == "" || a.user == "") {
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

// config is a's configuration for pgx. Nothing of it comes from the environment.
func (a address) config(name string, lock time.Duration) (*pgx.ConnConfig, error) {
	quote := func(s string) string {
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
	}
	cfg, err := pgx.ParseConfig("sslmode=prefer host=" + quote(a.host) + " port=" + strconv.Itoa(int(a.port)) +
		" dbname=" + quote(a.database) + " user=" + quote(a.user) + " passfile=/dev/null")
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", a, err)
	}
	cfg.Password = a.password
	cfg.ConnectTimeout = connectTimeout
	cfg.RuntimeParams = map[string]string{
		"application_name":  name,
		"lock_timeout":      strconv.FormatInt(lock.Milliseconds(), 10),
		"statement_timeout": "0", // the role may have one; an index build takes what it takes
		"client_encoding":   "UTF8",
	}
	return cfg, nil
}
