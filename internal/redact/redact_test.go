package redact

import (
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"
)

func TestKey(t *testing.T) {
	t.Parallel()
	for _, name := range strings.Fields(`password PASSWORD passwd db_passwd dbPassword postgresql_password proxy_password keepalive_password ldap_bindpw bindpw rootpw pwd db_pwd
		db_pass pass requirepass masterauth passphrase secret secret_key clientSecret hash_salt token auth.token authToken access_token api_key apikey API-KEY private_key
		credential credentials aws_secret_access_key erlang_cookie psk wpa_psk AUTH http_authorization encryption_key key tls.key rocommunity community secret_id password_hash`) {
		if !Key(name) {
			t.Errorf("%s is shown", name)
		}
	}
	for _, name := range strings.Fields(`host user port proxy_pass fastcgi_pass_header bypass keepalive_timeout keyspace keyboard public_key primary_key foreign_key sort_key
		password_file password_min_length token_lifetime secret_name auth_type auth_basic MANAGER_REST_AUTHORIZATION_CONFIG_PATH password_encryption monkey passive compass
		tokenizer turnkey version salted authors key_file ssh_host_key pwd_policy cookie_domain_name`) {
		if Key(name) {
			t.Errorf("%s is hidden", name)
		}
	}
}

func TestPath(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"db.password": true, "credentials.db": true, "secrets.a.b.c": true, "users.token": true, "db.host": false, "": false, "a": false,
		"tokens.lifetime": false, "credentials.file": false, "password.min_length": false, "keys": true,
	} {
		if Path(path) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
}

func TestSecret(t *testing.T) {
	t.Parallel()
	for in, want := range map[[2]string]bool{
		{"tls.key", "/etc/tls/key.pem"}: false, {"tls.key", "MIIE"}: true, {"a.password", "/x"}: true, {"api_key", "../k"}: false, {"host", "h"}: false, {"", ""}: false,
	} {
		if Secret(in[0], in[1]) != want {
			t.Errorf("%q: %v", in, !want)
		}
	}
}

func TestField(t *testing.T) {
	t.Parallel()
	for in, want := range map[[2]string]string{
		{"password", "a b c"}: Hidden, {"api_key", "abc"}: Hidden, {"key", "colour"}: "colour", {"n", "3"}: "3",
		{"url", "http://u:p@h/"}: "http://u:(hidden)@h/", {"token_version", "4.2"}: "4.2", {"", ""}: "",
	} {
		if got := Field(in[0], in[1]); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestValue(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"amqp://u:a/b@h:5672/v":                         "amqp://u:(hidden)@h:5672/v",
		"amqp://u:a@b@h/":                               "amqp://u:(hidden)@h/",
		"redis://:x@h":                                  "redis://:(hidden)@h",
		"a, http://u:p1@h/ and http://u:p2@i/":          "a, http://u:(hidden)@h/ and http://u:(hidden)@i/",
		"http://127.0.0.1:8100/api/v3.1":                "http://127.0.0.1:8100/api/v3.1",
		"ssh://git@host/x":                              "ssh://git@host/x",
		"host=h user=u password=S3cret dbname=d":        "host=h user=u password=(hidden) dbname=d",
		"http://h/?a=1&token=abc&b=2":                   "http://h/?a=1&token=(hidden)&b=2",
		"-Xmx1g -Dtrust.password='a b' -x":              "-Xmx1g -Dtrust.password=(hidden) -x",
		`{"user": "u", "password": "a\"b"}`:             `{"user": "u", "password": (hidden)}`,
		"Basic dXNlcjpwYXNz":                            "Basic (hidden)",
		"Authorization: Bearer abc.def-123":             "Authorization: Bearer (hidden)",
		"basic authentication of users":                 "basic authentication of users",
		"token authentication":                          "token authentication",
		"password authentication failed for user \"u\"": "password authentication failed for user \"u\"",
		"cannot read the secret: no such file":          "cannot read the secret: no such file",
		"key=colour":                                    "key=colour",
		"key=AIzaSyD3xQ":                                "key=(hidden)",
		"token: 4.2.0":                                  "token: 4.2.0",
		"-----BEGIN RSA PRIVATE KEY-----\nMIIE\nAA==\n-----END RSA PRIVATE KEY-----\nx": "-----BEGIN RSA PRIVATE KEY-----\n(hidden)\n(hidden)\n-----END RSA PRIVATE KEY-----\nx",
		`-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----`:                  `-----BEGIN PRIVATE KEY----- (hidden) -----END PRIVATE KEY-----`,
		"-----BEGIN PRIVATE KEY-----MIIE":                                               "-----BEGIN PRIVATE KEY----- (hidden) ",
		"cloudify-stage-17.6.30-community":                                              "cloudify-stage-17.6.30-community",
		"":                                                                              "",
	} {
		if got := Value(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"  password = hunter2":                                   "  password = (hidden)",
		`"secret_key": "x",`:                                     `"secret_key": (hidden)`,
		"url http://u:p@h/":                                      "url http://u:(hidden)@h/",
		"proxy_pass http://127.0.0.1;":                           "proxy_pass http://127.0.0.1;",
		"password:":                                              "password:",
		"default_pass <<\"x\">>}":                                "default_pass (hidden)",
		"requirepass foobared":                                   "requirepass (hidden)",
		"snmp community S3cretValue":                             "snmp community (hidden)",
		"community S3cretValue":                                  "community (hidden)",
		"edition: community edition":                             "edition: community edition",
		"snmp-server community public RO":                        "snmp-server community (hidden)",
		"ssl_certificate_key /etc/tls/key.pem;":                  "ssl_certificate_key /etc/tls/key.pem;",
		"ssl_certificate_key = /etc/tls/key.pem":                 "ssl_certificate_key = /etc/tls/key.pem",
		"Requires libsecret 0.20.1":                              "Requires libsecret 0.20.1",
		"token 4.2.0-1.el7":                                      "token 4.2.0-1.el7",
		"password=4.2.0":                                         "password=(hidden)",
		"log user with token=abc":                                "log user with token=(hidden)",
		"# the password policy of version 4.2.0":                 "# the password policy of version 4.2.0",
		"# tokens are kept for 30 days, see 4.2":                 "# tokens are kept for 30 days, see 4.2",
		"; key bindings":                                         "; key bindings",
		"// secret santa":                                        "// secret santa",
		"# token service":                                        "# token service",
		"#requirepass S3cretValue":                               "#requirepass (hidden)",
		"# password=hunter2":                                     "# password=(hidden)",
		"# password = hunter2":                                   "# password = (hidden)",
		"# password: hunter2":                                    "# password: (hidden)",
		"# see http://u:p@h/ for it":                             "# see http://u:(hidden)@h/ for it",
		"password: true":                                         "password: true",
		"auth_basic \"Restricted\";":                             "auth_basic \"Restricted\";",
		"proxy_set_header Authorization \"Basic dXNlcjpwYXNz\";": "proxy_set_header Authorization (hidden)",
	} {
		if got := Lines([]string{in})[0]; got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestLines: what does not show itself that it is a secret.
func TestLines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want []string }{
		"PEM": {
			[]string{"x", "-----BEGIN RSA PRIVATE KEY-----", "MIIE", "", "AA==", "-----END RSA PRIVATE KEY-----", "y: 1.2"},
			[]string{"x", "-----BEGIN RSA PRIVATE KEY-----", "(hidden)", "(hidden)", "(hidden)", "-----END RSA PRIVATE KEY-----", "y: 1.2"},
		},
		"PEM without an end": {[]string{"-----BEGIN PRIVATE KEY-----", "MIIE"}, []string{"-----BEGIN PRIVATE KEY-----", "(hidden)"}},
		"below a key": {
			[]string{"credentials:", "  a: b", "", "  c: {d: e}", "f: g"},
			[]string{"credentials:", "  (hidden)", "", "  (hidden)", "f: g"},
		},
		"a literal text": {[]string{"token: |", "  abc", "next: 1"}, []string{"token: |", "  (hidden)", "next: 1"}},
		"braces":         {[]string{`  "secrets": {`, `    "a": "b"`, `  },`, `  "c": "d"`}, []string{`  "secrets": {`, `    (hidden)`, `  },`, `  "c": "d"`}},
		"nothing below":  {[]string{"password:", "user: u"}, []string{"password:", "user: u"}},
		"a list":         {[]string{"tokens:", "- S3cret", "- a: b", "  c: d", "port: 1"}, []string{"tokens:", "(hidden)", "(hidden)", "  (hidden)", "port: 1"}},
		"a list's end":   {[]string{"- token:", "- user: u"}, []string{"- token:", "- user: u"}},
		"none":           {nil, []string{}},
	} {
		if got := Lines(c.in); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// FuzzLines: no panic, a line for a line, and what is hidden once stays as it is.
func FuzzLines(f *testing.F) {
	f.Add("password = x\n-----BEGIN A KEY-----\nMIIE\n")
	f.Add("secrets:\n  a: http://u:p@h/\n# token=x\n")
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 4096 {
			return
		}
		lines := strings.Split(s, "\n")
		got := Lines(lines)
		if len(got) != len(lines) {
			t.Fatalf("%d lines of %d", len(got), len(lines))
		}
		_, _ = Value(s), Prose(s)
		secret := "Zx9" + "qQw8Ee7"
		for _, key := range []string{"password = ", "token: ", "x://u:", "Bearer "} {
			l := key + secret
			if key == "x://u:" {
				l += "@h"
			}
			if shown := Lines(append(lines, l)); strings.Contains(shown[len(lines)], secret) {
				t.Errorf("%q shows %q", l, shown[len(lines)])
			}
		}
	})
}

// TestAttr: a log shows no secret, wherever in a record it stands.
func TestAttr(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	log := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: Attr}))
	log.Info("connect to amqp://u:S3cret@h/", "error", errors.New("dial postgres://u:S3cret@h/d: refused"), "args", []string{"-Dpassword=S3cret"}, "n", 3)
	got := b.String()
	if strings.Contains(got, "S3cret") || strings.Count(got, Hidden) != 3 || !strings.Contains(got, "level=INFO") || !strings.Contains(got, "n=3") {
		t.Error(got)
	}
}
