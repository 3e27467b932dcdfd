package storehost

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/manifest"
)

func TestOnHost(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "p.conf")
	text := "{ a: 10.0.0.1, p: '9201', both: 'es.example:9300', six: '[::1]:9200', bad: 'http://x', port: 70000, on: true, off: 'false', word: \"it's <x>\", n: 5672, secret: S3cret, empty: '' }\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for keys, want := range map[[2]string]string{
		{"a", "p"}: "10.0.0.1 9201 <nil>", {"a", ""}: "10.0.0.1 0 <nil>", {"both", ""}: "es.example 9300 <nil>", {"both", "p"}: "es.example 9201 <nil>", {"six", ""}: "::1 9200 <nil>",
		{"bad", ""}: "is no host", {"a", "port"}: "no number from 1 to 65535", {"a", "secret"}: "no number from 1 to 65535", {"none", ""}: `no value "none"`, {"empty", ""}: "is no host",
	} {
		name, port, err := Address(manifest.HostAddress{File: file, Format: "yaml", Host: keys[0], Port: keys[1]})
		if got := fmt.Sprint(name, " ", port, " ", err); !strings.Contains(got, want) || strings.Contains(got, "S3cret") {
			t.Errorf("%q: %s, want %s", keys, got, want)
		}
	}
	for key, want := range map[[2]string]string{
		{"a", ""}: `"10.0.0.1" <nil>`, {"word", "text"}: `"it's <x>" <nil>`, {"n", "integer"}: "5672 <nil>", {"p", "integer"}: "9201 <nil>", {"on", "boolean"}: "true <nil>", {"off", "boolean"}: "false <nil>",
		{"secret", "integer"}: "is no whole number", {"secret", "boolean"}: "neither true nor false", {"none", ""}: `no value "none"`,
	} {
		values, err := Values(map[string]manifest.HostValue{"x": {File: file, Format: "yaml", Key: key[0], As: key[1]}})
		if got := fmt.Sprint(values["x"], " ", err); !strings.Contains(got, want) || strings.Contains(got, "S3cret") {
			t.Errorf("%q: %s, want %s", key, got, want)
		}
	}
}
