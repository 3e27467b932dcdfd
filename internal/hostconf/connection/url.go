package connection

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
)

// scheme is how an address of a PostgreSQL database starts, with the driver that some
// libraries name in it.
var scheme = regexp.MustCompile(`^(jdbc:)?postgres(ql)?(\+[a-z0-9]+)?://`)

func isURL(s string) bool { return scheme.MatchString(s) }

// parseURL takes [jdbc:]postgresql://user:password@host:port/database?key=value apart.
// What a library could read otherwise is an error: it shows no part of the URL.
func parseURL(s string) (Address, error) {
	rest, query, _ := strings.Cut(s[len(scheme.FindString(s)):], "?")
	query, _, _ = strings.Cut(query, "#")
	options, err := url.ParseQuery(query)
	if err != nil {
		return Address{}, errors.New("what stands behind its ? is no list of key=value")
	}
	if strings.Count(rest, "@") > 1 {
		return Address{}, errors.New("it has more than one @: write one within a user or password as %40")
	}
	var a Address
	if at := strings.IndexByte(rest, '@'); at >= 0 {
		user, password, _ := strings.Cut(rest[:at], ":")
		if a.User, err = url.PathUnescape(user); err == nil {
			a.Password, err = url.PathUnescape(password)
		}
		if err != nil {
			return Address{}, errors.New("its user or password has a % that is no escape: write it as %25")
		}
		rest = rest[at+1:]
	}
	host, database, _ := strings.Cut(rest, "/")
	if host, err = url.PathUnescape(host); err == nil {
		a.Database, err = url.PathUnescape(database)
	}
	if err != nil {
		return Address{}, errors.New("its host or database has a % that is no escape: write it as %25")
	}
	for key, to := range map[string]*string{"host": &host, "user": &a.User, "password": &a.Password, "dbname": &a.Database} {
		if v := options.Get(key); v != "" {
			*to = v
		}
	}
	return a, a.setHost(host, options.Get("port"))
}
