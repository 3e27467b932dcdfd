package config

import (
	"strings"
	"testing"

	"onerpm/internal/manifest"
)

// told is all that a merge says of a file.
func told(t *testing.T, in Input) string {
	t.Helper()
	in.Random = entropy{}
	r, err := Merge(in)
	if err != nil {
		t.Fatal(err)
	}
	return reportOf(r, nil)
}

// TestSecretsAreNotTold: by key, by what they lie below, by shape, by the name of their
// placeholder, by what a set copies; in changes and in conflicts.
func TestSecretsAreNotTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ format, base, theirs, mine string }{
		"by key":             {"yaml", "bindpw: a\n", "bindpw: b\n", "bindpw: S3cretValue\n"},
		"below a key":        {"json", `{"credentials": {"db": {"value": "a"}}}`, `{"credentials": {"db": {"value": "b"}}}`, `{"credentials": {"db": {"value": "S3cretValue"}}}`},
		"in a list":          {"yaml", "tokens: [a]\n", "tokens: [b]\n", "tokens: [S3cretValue]\n"},
		"in a mapping":       {"yaml", "a: {b: 1}\n", "a: 1\n", "a: {password: S3cretValue}\n"},
		"in an anchor":       {"yaml", "password: a\n", "password: b\n", "password: &p S3cretValue\n"},
		"URL, / in it":       {"yaml", "u: amqp://u:a@h/\n", "u: amqp://u:b@h/\n", "u: amqp://u:S3cretValue/x@h/\n"},
		"URL, @ in it":       {"env", "U=amqp://u:a@h/\n", "U=amqp://u:b@h/\n", "U=amqp://u:x@S3cretValue@h/\n"},
		"DSN":                {"env", "D='user=u'\n", "D='user=v'\n", "D='user=u password=S3cretValue'\n"},
		"INI, by key":        {"ini", "[db]\npassword = a\n", "[db]\npassword = b\n", "[db]\npassword = S3cretValue ; ours\n"},
		"INI, by section":    {"ini", "[credentials]\nx = a\n", "[credentials]\nx = b\n", "[credentials]\nx = S3cretValue\n"},
		"INI, a URL":         {"ini", "[app:main]\nsqlalchemy.url = postgres://u:a@h/\n", "[app:main]\nsqlalchemy.url = postgres://u:b@h/\n", "[app:main]\nsqlalchemy.url = postgres://u:S3cretValue@h/\n"},
		"INI, lines":         {"ini", "[a]\nx =\n  a\n", "[a]\nx =\n  b\n", "[a]\nx =\n  user=u\n  password=S3cretValue\n"},
		"TOML, by key":       {"toml", "[db]\npassword = 'a'\n", "[db]\npassword = 'b'\n", "[db]\npassword = \"S3cretValue\"\n"},
		"TOML, in tables":    {"toml", "[[user]]\ntoken = 'a'\n", "[[user]]\ntoken = 'b'\n", "[[user]]\ntoken = 'S3cretValue'\n"},
		"properties, by key": {"properties", "spring.datasource.password=a\n", "spring.datasource.password=b\n", "spring.datasource.password = \\\n  S3cretValue\n"},
		"properties, JDBC":   {"properties", "u=jdbc:postgresql://h/d?user=u&password=a\n", "u=jdbc:postgresql://h/d?user=u&password=b\n", "u=jdbc\\:postgresql\\://h/d?user=u&password=S3cretValue\n"},
		"properties, escape": {"properties", "my.password=a\n", "my.password=b\n", "m\\u0079.password=S3cretValue\n"},
		"header":             {"env", "H='a'\n", "H='b'\n", "H='Authorization: Bearer S3cretValue'\n"},
		"PEM in a value":     {"yaml", "k: |\n  a\n", "k: |\n  b\n", "k: |\n  -----BEGIN EC PRIVATE KEY-----\n  S3cretValue\n  -----END EC PRIVATE KEY-----\n"},
		"PEM in a text":      {"text", "-----BEGIN A KEY-----\na\n-----END A KEY-----\n", "-----BEGIN A KEY-----\nb\n-----END A KEY-----\n", "-----BEGIN A KEY-----\nS3cretValue\n-----END A KEY-----\n"},
		"text, below a key":  {"text", "secrets:\n  a: 1\n", "secrets:\n  a: 2\n", "secrets:\n  a: S3cretValue\n"},
		"text, two words":    {"text", "requirepass a\n", "requirepass b\n", "requirepass S3cretValue\n"},
		"a placeholder":      {"yaml", "dsn: <<db_password>>\nx: a\n", "dsn: 'x<<db_password>>'\nx: a\n", "dsn: S3cretValue\nx: a\n"},
		"an env line":        {"env", "A=1\n", "A=1\nB+=password=S3cretValue\n", "A=1\n"},
		"commented out":      {"text", "#password=a\n", "#password=b\n", "#password=S3cretValue\n"},
		"kept by the policy": {"yaml", "a: {password: 1}\nb: 1\n", "a: {password: 1}\nb: 2\n", "a: {password: S3cretValue}\nb: 1\n"},
	} {
		in := Input{Format: c.format, Base: []byte(c.base), Theirs: []byte(c.theirs), Mine: []byte(c.mine)}
		for _, side := range []manifest.Side{"", manifest.Old, manifest.New} {
			if in.Policy = nil; side != "" {
				in.Policy = map[string]manifest.Side{"*": side}
			}
			got := told(t, in)
			if strings.Contains(got, "S3cretValue") || got == "" {
				t.Errorf("%s, policy %q: %s", name, side, got)
			}
		}
	}
}

// TestWhatIsTold: what only looks like a secret's stays readable.
func TestWhatIsTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ format, base, theirs, mine, want string }{
		"a version in a comment": {"text", "# token service 4.1.0\n", "# token service 4.2.0\n", "# token service 4.1.1\n", "# token service 4.1.1"},
		"a word in a comment":    {"text", "# a\n", "# b\n", "# the password policy is strict\n", "the password policy is strict"},
		"a path":                 {"yaml", "tls_key: /a\n", "tls_key: /b\n", "tls_key: /etc/own.pem\n", "/etc/own.pem"},
		"a switch":               {"yaml", "token: {on: true}\n", "token: {on: 1}\n", "token: {on: false}\n", "false"},
		"a length":               {"env", "PASSWORD_MIN_LENGTH=8\n", "PASSWORD_MIN_LENGTH=10\n", "PASSWORD_MIN_LENGTH=12\n", "12"},
		"an address":             {"yaml", "u: http://a:1/\n", "u: http://b:1/\n", "u: http://own:8080/x\n", "http://own:8080/x"},
		"passed on":              {"text", "proxy_pass http://a;\n", "proxy_pass http://b;\n", "proxy_pass http://own:81;\n", "http://own:81"},
		"an edition":             {"yaml", "e: a\n", "e: b\n", "e: stage-17.6.30-community\n", "stage-17.6.30-community"},
	} {
		got := told(t, Input{Format: c.format, Base: []byte(c.base), Theirs: []byte(c.theirs), Mine: []byte(c.mine)})
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}
