// Package settings reads the demo product's configuration files, in the formats
// the real product uses: cloudify-rest.conf is a YAML flow mapping,
// rest-security.conf is JSON, authorization.conf is YAML.
package settings

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"onerpm/test/product/internal/product"
)

// Where the files lie when the environment does not say.
const (
	RestPath          = "/opt/manager/cloudify-rest.conf"
	SecurityPath      = "/opt/manager/rest-security.conf"
	AuthorizationPath = "/opt/manager/authorization.conf"
)

// Rest is the part of cloudify-rest.conf that the programs use.
type Rest struct {
	ESHost string `yaml:"db_address"` // 3.4.2
	ESPort int    `yaml:"db_port"`    // 3.4.2

	DBHost      string `yaml:"postgresql_host"` // host or host:port
	DBName      string `yaml:"postgresql_db_name"`
	DBUser      string `yaml:"postgresql_username"`
	DBPassword  string `yaml:"postgresql_password"`
	FileRoot    string `yaml:"file_server_root"`
	FileURL     string `yaml:"file_server_url"`
	FileBase    string `yaml:"file_server_base_uri"` // 3.4.2
	AMQPAddress string `yaml:"amqp_address"`         // host:port, 4.0.1
	AMQPHost    string `yaml:"amqp_host"`            // from 4.1.1
	Maintenance string `yaml:"maintenance_folder"`
	MinMemoryMB *int   `yaml:"min_available_memory_mb"` // the release's file has it from 4.1.1
}

// Security is rest-security.conf.
type Security struct {
	HashSalt          string `json:"hash_salt"`
	SecretKey         string `json:"secret_key"`
	EncodingAlphabet  string `json:"encoding_alphabet"`
	EncodingBlockSize int    `json:"encoding_block_size"`
	EncodingMinLength int    `json:"encoding_min_length"`
	AdminUsername     string `json:"admin_username"` // from 4.2.0
	AdminPassword     string `json:"admin_password"` // from 4.2.0
}

// Authorization is authorization.conf, which 4.2.0 introduced.
type Authorization struct {
	Roles       []Role              `yaml:"roles"`
	Permissions map[string][]string `yaml:"permissions"` // action -> roles that may
}

// Role is one role of authorization.conf.
type Role struct {
	Name        string `yaml:"name"`
	Type        string `yaml:"type"` // system_role or tenant_role
	Description string `yaml:"description"`
}

// FromEnv returns the value of an environment variable, or def when it is empty.
func FromEnv(name, def string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return def
}

// ReadRest reads cloudify-rest.conf and checks that it names what the release keeps its data in, and a
// broker under the key this release uses.
func ReadRest(path string, r product.Release) (Rest, error) {
	var c Rest
	if err := readYAML(path, &c); err != nil {
		return c, err
	}
	broker := map[string]string{"amqp_address": c.AMQPAddress, "amqp_host": c.AMQPHost}[r.AMQPKey]
	switch {
	case r.Elasticsearch && (c.ESHost == "" || c.ESPort == 0):
		return c, fmt.Errorf("%s: db_address and db_port must be set", path)
	case !r.Elasticsearch && (c.DBHost == "" || c.DBName == "" || c.DBUser == ""):
		return c, fmt.Errorf("%s: postgresql_host, postgresql_db_name and postgresql_username must be set", path)
	case broker == "":
		return c, fmt.Errorf("%s: %s must be set", path, r.AMQPKey)
	case c.FileRoot == "":
		return c, fmt.Errorf("%s: file_server_root must be set", path)
	}
	return c, nil
}

// Elasticsearch returns host:port of the store before 4.0.
func (c Rest) Elasticsearch() string { return net.JoinHostPort(c.ESHost, strconv.Itoa(c.ESPort)) }

// AgentsURL returns the folder of the agent packages on the file server.
func (c Rest) AgentsURL() string {
	return strings.TrimSuffix(cmp.Or(c.FileURL, c.FileBase), "/") + "/packages/agents"
}

// DSN returns the connection string of the product's database.
func (c Rest) DSN() string {
	host, port, err := net.SplitHostPort(c.DBHost)
	if err != nil {
		host, port = c.DBHost, "5432"
	}
	return fmt.Sprintf("host='%s' port='%s' dbname='%s' user='%s' password='%s' sslmode=disable",
		host, port, c.DBName, c.DBUser, c.DBPassword)
}

// ReadSecurity reads rest-security.conf.
func ReadSecurity(path string) (Security, error) {
	var c Security
	b, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	if c.HashSalt == "" || len(c.EncodingAlphabet) < 2 {
		return c, fmt.Errorf("%s: hash_salt and encoding_alphabet must be set", path)
	}
	return c, nil
}

// ReadAuthorization reads authorization.conf.
func ReadAuthorization(path string) (Authorization, error) {
	var c Authorization
	if err := readYAML(path, &c); err != nil {
		return c, err
	}
	if len(c.Roles) == 0 {
		return c, fmt.Errorf("%s: no roles", path)
	}
	return c, nil
}

func readYAML(path string, into any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
