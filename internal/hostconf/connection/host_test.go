package connection_test

import (
	"fmt"
	"strings"
	"testing"

	"onerpm/internal/hostconf/connection"
	"onerpm/internal/manifest"
)

func TestHost(t *testing.T) {
	t.Parallel()
	const text = "{ a: 10.0.0.1, p: '9201', both: 'es.example:9300', six: '[::1]:9200', bad: 'http://x', port: 70000, secret: S3cret, empty: '' }\n"
	for keys, want := range map[[2]string]string{
		{"a", "p"}: "10.0.0.1 9201 <nil>", {"a", ""}: "10.0.0.1 0 <nil>", {"both", ""}: "es.example 9300 <nil>", {"both", "p"}: "es.example 9201 <nil>",
		{"six", ""}: "::1 9200 <nil>", {"bad", ""}: "is no host", {"bad", "p"}: "is no host", {"a", "port"}: "no number from 1 to 65535",
		{"a", "secret"}: "no number from 1 to 65535", {"none", ""}: `no value "none"`, {"empty", ""}: "is no host",
	} {
		name, port, err := connection.Host([]byte(text), manifest.HostAddress{File: "f", Format: "yaml", Host: keys[0], Port: keys[1]})
		if got := fmt.Sprint(name, " ", port, " ", err); !strings.Contains(got, want) || strings.Contains(got, "S3cret") {
			t.Errorf("%q: %s, want %s", keys, got, want)
		}
	}
	if _, _, err := connection.Host([]byte("{"), manifest.HostAddress{File: "f", Format: "json", Host: "a"}); err == nil {
		t.Error("half a file is read")
	}
}
