package hostconf

import (
	"strings"
	"testing"

	"onerpm/internal/manifest"
)

var restKeys = manifest.ConnectionKeys{Host: "postgresql_host", Database: "db.name", User: "user", Password: "password"}

func TestReadAddress(t *testing.T) {
	t.Parallel()
	withPort := restKeys
	withPort.Port = "port"
	for name, c := range map[string]struct {
		format, text string
		keys         manifest.ConnectionKeys
		want         Address
	}{
		"yaml in flow style": {"yaml", "{\n  # comment\n  postgresql_host: 'localhost', db: {name: 'cloudify_db'},\n  user: 'cloudify', password: 'it''s: \\x # y',\n}\n", restKeys,
			Address{"localhost", 5432, "cloudify_db", "cloudify", `it's: \x # y`}},
		"yaml in block style": {"yaml", "postgresql_host: 10.0.0.1:5433\ndb:\n  name: d\nuser: \"u\"\npassword: 0123\n", restKeys,
			Address{"10.0.0.1", 5433, "d", "u", "0123"}},
		"yaml with one key": {"yaml", "password: p\n", manifest.ConnectionKeys{Host: "password", Database: "password", User: "password"},
			Address{"p", 5432, "p", "p", ""}},
		"json": {"json", `{"postgresql_host": "::1", "port": 6000, "db": {"name": "d"}, "user": "u", "password": "p"}`, withPort,
			Address{"::1", 6000, "d", "u", "p"}},
		"json, v6 with port": {"json", `{"postgresql_host": "[::1]:7000", "db": {"name": "d"}, "user": "u", "password": ""}`, restKeys,
			Address{"::1", 7000, "d", "u", ""}},
		"env": {"env", "# comment\nexport HOST=\"/var/run/postgresql\"\nDB=d\nU='u'\nPW=a=b c\n;x=y\n", manifest.ConnectionKeys{Host: "HOST", Database: "DB", User: "U", Password: "PW"},
			Address{"/var/run/postgresql", 5432, "d", "u", "a=b c"}},
	} {
		got, err := ReadAddress([]byte(c.text), manifest.Connection{File: "f", Format: c.format, Keys: c.keys})
		if err != nil || got != c.want {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestReadAddressMistakes(t *testing.T) {
	t.Parallel()
	const secret = "s3cret"
	for name, c := range map[string]struct{ format, text, want string }{
		"no yaml":    {"yaml", "{ password: 's3cret", "no YAML"},
		"empty":      {"yaml", "", "it has no value"},
		"a list":     {"yaml", "- s3cret\n", `no value "postgresql_host"`},
		"no json":    {"json", `{"password": "s3cret"`, "no JSON"},
		"no value":   {"json", `{"postgresql_host": null, "password": "s3cret"}`, `no value "db.name"`},
		"a bad port": {"json", `{"postgresql_host": "h:s3cret", "db": {"name": "d"}, "user": "u", "password": "s3cret"}`, "no number from 1"},
		"empty host": {"json", `{"postgresql_host": "", "db": {"name": "d"}, "user": "u", "password": "s3cret"}`, "must not be empty"},
		"a format":   {"ini", "", "none of json, yaml, env"},
	} {
		_, err := ReadAddress([]byte(c.text), manifest.Connection{Format: c.format, Keys: restKeys})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func FuzzReadAddress(f *testing.F) {
	f.Add("yaml", "{postgresql_host: 'h', db: {name: d}, user: u, password: p}")
	f.Add("json", `{"postgresql_host": "h:1", "db": {"name": "d"}, "user": "u", "password": "p"}`)
	f.Add("env", "postgresql_host=h\ndb.name=d\nuser=u\npassword='p'\n")
	f.Fuzz(func(t *testing.T, format, text string) {
		a, err := ReadAddress([]byte(text), manifest.Connection{Format: format, Keys: restKeys})
		if err == nil && (a.Host == "" || a.Database == "" || a.User == "" || a.Port == 0) {
			t.Errorf("%+v without an error", a)
		}
	})
}
