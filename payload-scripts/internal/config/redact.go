package config

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"onerpm/internal/hostconf"
)

const (
	absent = "(absent)"
	hidden = "(hidden)"
)

// maxShown bounds a value in a report, in bytes.
const maxShown = 200

var (
	userInfo = regexp.MustCompile(`(://[^/\s:@]*):[^/\s@]*@`)
	// word is what may name a value in a line of a text file, with what parts it from the value.
	word = regexp.MustCompile(`([A-Za-z0-9_.-]+)["']?(\s*[=:,]\s*|\s+)`)

	secretName = regexp.MustCompile(`(?i)pass|pwd|secret|salt|token|key|credential|private`)
	// harmless is what only looks like it: nginx passes requests on, connections are kept alive.
	harmless = regexp.MustCompile(`(?i)(proxy|fastcgi|uwsgi|scgi|grpc|memcached)_pass(_header|_request_headers|_request_body)?([^a-z]|$)|bypass|keyspace|keyboard|keepalive`)
)

// isSecret tells from its name that a key's value must not be shown.
func isSecret(key string) bool { return secretName.MatchString(harmless.ReplaceAllString(key, "")) }

// show returns the value at a key as reports may have it.
func show(key string, n *hostconf.Node) string {
	switch {
	case n == nil:
		return absent
	case isSecret(key) || n.Secret:
		return hidden
	}
	return shorten(userInfo.ReplaceAllString(display(n), "$1:"+hidden+"@"))
}

// showLines returns lines of a text file as reports may have them.
func showLines(lines []string) string {
	if len(lines) == 0 {
		return absent
	}
	out := make([]string, len(lines))
	for i, l := range lines {
		l = userInfo.ReplaceAllString(l, "$1:"+hidden+"@")
		out[i] = hideBehind(l)
	}
	return shorten(strings.ToValidUTF8(strings.Join(out, "\n"), "?"))
}

// hideBehind hides what follows a word that looks like the name of a secret.
func hideBehind(line string) string {
	for _, m := range word.FindAllStringSubmatchIndex(line, -1) {
		if isSecret(line[m[2]:m[3]]) && m[1] < len(line) {
			return line[:m[1]] + hidden
		}
	}
	return line
}

func shorten(s string) string {
	if len(s) <= maxShown {
		return s
	}
	cut := maxShown
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}

// display writes n for people, secrets within hidden.
func display(n *hostconf.Node) string {
	switch n.Kind {
	case hostconf.Null:
		return "null"
	case hostconf.List:
		parts := make([]string, len(n.Items))
		for i, v := range n.Items {
			parts[i] = display(v)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case hostconf.Mapping:
		parts := make([]string, len(n.Keys))
		for i, e := range n.Keys {
			parts[i] = e.Key + ": " + show(e.Key, e.Value)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case hostconf.String:
		return `"` + n.Text + `"`
	}
	return n.Text
}
