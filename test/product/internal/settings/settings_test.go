package settings_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/test/product/internal/product"
	"onerpm/test/product/internal/settings"
)

func file(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const rest = "{postgresql_host: 'db:5433', postgresql_db_name: d, postgresql_username: u, postgresql_password: p, file_server_root: /r, "

// A release takes the key that it knows for the broker, and no other: an old configuration does not start new code.
func TestReadRest(t *testing.T) {
	t.Parallel()
	release := func(version string) product.Release {
		r, ok := product.Find(version)
		if !ok {
			t.Fatal(version)
		}
		return r
	}
	for name, c := range map[string]struct{ body, release, want string }{
		"old":                {rest + "amqp_address: 'a:1'}", "4.0.1", ""},
		"new":                {rest + "amqp_host: a}", "4.1.1", ""},
		"new code, old file": {rest + "amqp_address: 'a:1'}", "4.1.1", "amqp_host must be set"},
		"no database":        {"{amqp_host: a, file_server_root: /r}", "4.1.1", "postgresql_host"},
		"no file server":     {"{postgresql_host: h, postgresql_db_name: d, postgresql_username: u, amqp_host: a}", "4.1.1", "file_server_root"},
		"old, without port":  {"{db_address: h, amqp_address: a, file_server_root: /r}", "3.4.2", "db_port"},
		"older code":         {rest + "amqp_address: 'a:1'}", "3.4.2", "db_address"},
		"no YAML":            {"{", "4.1.1", "file"},
	} {
		path := file(t, c.body)
		got, err := settings.ReadRest(path, release(c.release))
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
			continue
		}
		if err != nil || got.FileRoot != "/r" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if want := "host='db' port='5433' dbname='d' user='u' password='p' sslmode=disable"; got.DSN() != want {
			t.Errorf("%s: %s, want %s", name, got.DSN(), want)
		}
	}
	if _, err := settings.ReadRest(filepath.Join(t.TempDir(), "none"), release("4.2.0")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestReadRestOnElasticsearch(t *testing.T) {
	t.Parallel()
	r, _ := product.Find("3.4.2")
	got, err := settings.ReadRest(file(t, "{db_address: h, db_port: 9200, amqp_address: a, file_server_root: /r}"), r)
	if err != nil || got.Elasticsearch() != "h:9200" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestDSNWithoutPort(t *testing.T) {
	t.Parallel()
	if got := (settings.Rest{DBHost: "127.0.0.1"}).DSN(); !strings.HasPrefix(got, "host='127.0.0.1' port='5432' ") {
		t.Error(got)
	}
}

func TestReadSecurity(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"hash_salt": "s", "encoding_alphabet": "ab", "secret_key": "k"}`: "",
		`{"hash_salt": "s", "encoding_alphabet": "a"}`:                     "encoding_alphabet",
		`{"encoding_alphabet": "ab"}`:                                      "hash_salt",
		`{"hash_salt": "s"`:                                                "unexpected end",
	} {
		got, err := settings.ReadSecurity(file(t, body))
		switch {
		case want == "" && (err != nil || got.SecretKey != "k"):
			t.Errorf("%s: %+v, %v", body, got, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
}

func TestReadAuthorization(t *testing.T) {
	t.Parallel()
	got, err := settings.ReadAuthorization(file(t, "roles:\n- {name: a, type: system_role}\npermissions: {x: [a]}\n"))
	if err != nil || len(got.Roles) != 1 || got.Roles[0].Type != "system_role" || len(got.Permissions["x"]) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := settings.ReadAuthorization(file(t, "permissions: {}\n")); err == nil || !strings.Contains(err.Error(), "no roles") {
		t.Errorf("without roles: %v", err)
	}
}

func TestFromEnv(t *testing.T) {
	t.Setenv("PRODUCT_TEST", "")
	if got := settings.FromEnv("PRODUCT_TEST", "default"); got != "default" {
		t.Errorf("an empty variable: %q", got)
	}
	t.Setenv("PRODUCT_TEST", "value")
	if got := settings.FromEnv("PRODUCT_TEST", "default"); got != "value" {
		t.Errorf("%q", got)
	}
}
