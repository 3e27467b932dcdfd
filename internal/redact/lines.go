package redact

import (
	"strings"
)

// Lines hides the secrets in all lines of a configuration file. It must see the whole
// file: what lies in a PEM block or below a secret's key does not show it itself.
func Lines(lines []string) []string {
	out := make([]string, len(lines))
	inPEM, below := false, -1
	listed := false // the secrets below may be a list's, which YAML lets begin where their key does
	for i, l := range lines {
		indent := len(l) - len(strings.TrimLeft(l, " \t"))
		blank := strings.TrimSpace(l) == ""
		item := l[indent:] == "-" || strings.HasPrefix(l[indent:], "- ")
		switch {
		case inPEM:
			inPEM = !end.MatchString(l)
			out[i] = l
			if inPEM {
				out[i] = Hidden
			}
			continue
		case below >= 0 && blank:
			continue
		case below >= 0 && (indent > below || indent == below && listed && item):
			out[i] = l[:indent] + Hidden
			continue
		}
		below = -1
		var opens bool
		if out[i], opens = line(l); opens {
			below, listed = indent, !item
		}
		if at := begin.FindStringIndex(l); at != nil && !end.MatchString(l) {
			inPEM = true
		}
	}
	return out
}

// line hides the secrets in one line; opens says that the lines below it, deeper
// indented, are a secret's.
func line(l string) (shown string, opens bool) {
	l = shapes(l)
	if at := begin.FindStringIndex(l); at != nil {
		return pem(l), false
	}
	body := l
	if c := comment.FindString(l); c != "" {
		body = l[len(c):]
		if !commentedOut(body) {
			return Prose(l), false
		}
	}
	start := len(l) - len(body)
	words := word.FindAllStringSubmatchIndex(body, -1)
	for _, m := range words {
		name, sep, rest := body[m[2]:m[3]], body[m[4]:m[5]], body[m[1]:]
		if !secretIn(name, body[:m[2]]) || rest == "" {
			continue
		}
		if value := strings.Trim(rest, ` ;,"'`); !Secret(name, value) || strings.TrimSpace(sep) == "" && version.MatchString(value) {
			continue // "ssl_certificate_key /etc/tls/key.pem;", "libsecret 0.20"
		}
		switch strings.TrimSpace(rest) {
		case "{", "[", "|", ">", "|-", ">-", "|+", ">+":
			return l, true
		case "{}", "[]", "true", "false", "null":
			return l, false
		}
		return l[:start+m[1]] + Hidden, false
	}
	name := strings.Trim(strings.TrimSpace(body), `"'`)
	if key, ends := strings.CutSuffix(name, ":"); ends && Key(strings.Trim(key, `"' -`)) {
		return l, true
	}
	return Prose(l), false
}

// secretIn reports whether a word of a line names a secret there. SNMP's community is one
// behind that name only; elsewhere the word is an edition's or a list's.
func secretIn(name, before string) bool {
	if strings.EqualFold(name, "community") {
		return strings.TrimSpace(before) == "" || strings.Contains(strings.ToLower(before), "snmp")
	}
	return Key(name)
}

// commentedOut reports whether a comment is configuration that is switched off: key=value,
// "key: value" that looks made by a program, or a key and one such value.
func commentedOut(body string) bool {
	if strings.HasPrefix(strings.TrimLeft(body, " \t"), "-----BEGIN") {
		return true
	}
	fields := strings.Fields(body)
	switch {
	case len(fields) == 0:
		return false
	case strings.Contains(fields[0], "="), len(fields) > 1 && (fields[1] == "=" || strings.HasPrefix(fields[1], "=")):
		return true
	case len(fields) == 2:
		return strings.HasSuffix(fields[0], ":") || random(fields[1])
	}
	return false
}
