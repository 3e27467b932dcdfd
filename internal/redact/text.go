package redact

import (
	"regexp"
	"strings"
	"unicode"
)

var (
	// userInfo is the password in a URL, to the last @ of the word: it may hold / and @ itself.
	userInfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://[^\s/:@"'<>]*):([^\s"'<>]+)@`)
	// scheme is an Authorization header's value.
	scheme = regexp.MustCompile(`(?i)\b(basic|bearer|digest|negotiate|token)(\s+)([A-Za-z0-9+/=._~-]{8,})`)
	// assigned is key=value or "key": "value", as in a query, a DSN, an option or JSON.
	assigned = regexp.MustCompile(`(["']?)([A-Za-z0-9_.-]*[A-Za-z0-9_])(["']?\s*[=:]\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'&;,]+)`)
	// word is what may name a value in a line of a text file, with what parts it from the value.
	word    = regexp.MustCompile(`([A-Za-z0-9_.-]*[A-Za-z0-9_])["']?(\s*[=:,]\s*|\s+)`)
	comment = regexp.MustCompile(`^\s*(#|;|//|--|\*|/\*|<!--|"")`)
	version = regexp.MustCompile(`^["']?[v=<>~^]*[0-9]+(\.[0-9A-Za-z]+)+([-+~^_][0-9A-Za-z.+~^_-]*)?["',;]*$`)
	begin   = regexp.MustCompile(`-----BEGIN [A-Z0-9 ]+-----`)
	end     = regexp.MustCompile(`-----END [A-Z0-9 ]+-----`)
)

// Prose hides secrets in a sentence or in what a program said, by their shape alone:
// "password authentication failed" stays.
func Prose(s string) string {
	s = shapes(pem(s))
	return assigned.ReplaceAllStringFunc(s, func(m string) string {
		p := assigned.FindStringSubmatch(m)
		if name := strings.ToLower(p[2]); (name == "key" || name == "keys") && !random(p[4]) {
			return m // of a row, of a setting
		}
		quoted := p[4][0] == '"' || p[4][0] == '\''
		if !Secret(p[2], strings.Trim(p[4], `"'`)) || strings.TrimSpace(p[3]) != "=" && !quoted && !random(p[4]) || strings.Contains(p[4], Hidden) {
			return m
		}
		return p[1] + p[2] + p[3] + Hidden
	})
}

// Field hides the value of a field or column that has a secret's name, and secrets in
// any other value. A field named key is a row's more often than a secret's.
func Field(name, value string) string {
	if n := strings.ToLower(name); n != "key" && n != "keys" && Secret(name, value) {
		return Hidden
	}
	return Prose(value)
}

// Value hides secrets in the value of a key that is none itself.
func Value(s string) string {
	if strings.Contains(s, "\n") {
		return strings.Join(Lines(strings.Split(s, "\n")), "\n")
	}
	return Prose(s)
}

// shapes hides what is a secret wherever it stands.
func shapes(s string) string {
	s = userInfo.ReplaceAllString(s, "$1:"+Hidden+"@")
	return scheme.ReplaceAllStringFunc(s, func(m string) string {
		p := scheme.FindStringSubmatch(m)
		if !random(p[3]) {
			return m
		}
		return p[1] + p[2] + Hidden
	})
}

// pem hides the bodies of PEM blocks in a text of several lines, or of one in which \n stands for them.
func pem(s string) string {
	for from := 0; ; {
		at := begin.FindStringIndex(s[from:])
		if at == nil {
			return s
		}
		body := from + at[1]
		stop := len(s)
		if to := end.FindStringIndex(s[body:]); to != nil {
			stop = body + to[0]
		}
		if strings.TrimSpace(s[body:stop]) == "" {
			from = stop
			continue
		}
		s = s[:body] + " " + Hidden + " " + s[stop:]
		from = body + len(Hidden) + 2
	}
}

// random reports whether a word looks as if a program had made it, and like no version or path.
func random(s string) bool {
	s = strings.Trim(s, `"',;`)
	if len(s) < 6 || version.MatchString(s) || filePath.MatchString(s) {
		return false
	}
	var lower, upper, digit, other, turn bool
	was := ' '
	for _, r := range s {
		switch {
		case unicode.IsLower(r):
			lower = true
		case unicode.IsUpper(r):
			upper = true
			turn = turn || unicode.IsLower(was)
		case unicode.IsDigit(r):
			digit = true
		case strings.ContainsRune("+/=!$%^&*", r):
			other = true
		}
		was = r
	}
	return digit && (lower || upper) || turn || other && (lower || upper)
}
