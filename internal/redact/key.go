// Package redact hides secrets in what people and programs are shown: findings,
// reports, logs. It knows them by the name of their key, by what they lie below, and
// by their shape.
//
// It promises more than it can prove only in one direction: what might be a secret is
// hidden; a version, a path or a word in a comment that is none stays readable.
package redact

import (
	"regexp"
	"slices"
	"strings"
)

// Hidden stands for a secret.
const Hidden = "(hidden)"

var (
	// secretWords name a secret wherever they stand in a key's name.
	secretWords = []string{
		"password", "passwords", "passwd", "passphrase", "pass", "pwd", "pw", "secret", "secrets", "token", "tokens",
		"credential", "credentials", "creds", "salt", "psk", "cookie", "private", "privkey", "passkey", "otp",
	}
	// secretEnds end a word that is written together: bindpw, requirepass, authtoken.
	secretEnds = []string{
		"password", "passwd", "passphrase", "bindpw", "rootpw", "userpw", "dbpw", "requirepass", "dbpass", "masterauth", "secret", "token", "credential", "credentials",
		"apikey", "secretkey", "privatekey", "accesskey", "authkey", "sharedkey", "encryptionkey", "signingkey", "rocommunity", "rwcommunity",
	}
	// lastWords name a secret at the end of a key's name: AUTH, http_authorization, api_key.
	lastWords = []string{"auth", "authorization", "key", "keys", "pem", "community"}
	// openKeys stand before key for one that anybody may know.
	openKeys = []string{"public", "primary", "foreign", "sort", "partition", "unique", "routing", "cache", "index", "lookup", "registry", "host", "sub", "hot"}
	// about end the name of a key that tells something about a secret.
	about = []string{
		"file", "files", "path", "dir", "folder", "name", "names", "size", "length", "len", "type", "algorithm", "encryption", "hashing", "scheme", "method", "mode",
		"timeout", "ttl", "lifetime", "expiry", "expiration", "expires", "age", "days", "hours", "minutes", "seconds", "second", "ms", "enabled", "disabled", "required", "policy",
		"provider", "header", "headers", "count", "limit", "min", "max", "version", "format", "prefix", "url", "uri", "host", "port", "realm", "attempts", "rounds", "iterations",
	}
	filePath = regexp.MustCompile(`^["']?\.{0,2}/[^\s]*$`)
	camel    = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	parts    = regexp.MustCompile(`[A-Za-z0-9]+`)
	// passesOn are directives of nginx that pass requests on, and settings of a path to the other side.
	passesOn = regexp.MustCompile(`(?i)^(proxy|fastcgi|uwsgi|scgi|grpc|memcached|tcp|udp)_pass(_[a-z_]+)?$`)
)

// Key tells from its name that a key's value must not be shown.
func Key(name string) bool {
	words := wordsOf(name)
	if len(words) == 0 || passesOn.MatchString(name) || slices.Contains(about, words[len(words)-1]) {
		return false
	}
	for i, w := range words {
		switch {
		case slices.Contains(secretWords, w), slices.ContainsFunc(secretEnds, func(end string) bool { return strings.HasSuffix(w, end) }):
			return true
		case i == len(words)-1 && slices.Contains(lastWords, w):
			return i == 0 || !slices.Contains(openKeys, words[i-1])
		}
	}
	return false
}

// Path tells from a.b.c that its value must not be shown: it is a secret's, or lies
// below a key that is.
func Path(path string) bool {
	keys := strings.Split(path, ".")
	if words := wordsOf(keys[len(keys)-1]); len(words) > 0 && slices.Contains(about, words[len(words)-1]) {
		return false
	}
	return slices.ContainsFunc(keys, Key)
}

// Secret reports whether the value at a.b.c must not be shown. The path of a file with
// a key in it may be.
func Secret(path, value string) bool {
	if !Path(path) {
		return false
	}
	words := wordsOf(path)
	return !filePath.MatchString(value) || len(words) == 0 || !slices.Contains([]string{"key", "keys", "pem", "cert"}, words[len(words)-1])
}

// wordsOf cuts a name at signs and before capitals: dbPassword, DB_PASSWORD.
func wordsOf(name string) []string {
	words := parts.FindAllString(camel.ReplaceAllString(name, "${1}_$2"), -1)
	for i, w := range words {
		words[i] = strings.ToLower(w)
	}
	return words
}
