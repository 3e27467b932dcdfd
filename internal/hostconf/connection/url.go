package connection

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
)

// scheme is how an address of a PostgreSQL database starts, with the driver that some
// libraries name in it. JDBC lets // and the host be absent: jdbc:postgresql:database.
var scheme = regexp.MustCompile(`^(jdbc:postgresql:(//)?|(jdbc:)?postgres(ql)?(\+[a-z0-9]+)?://)`)

func isURL(s string) bool { return scheme.MatchString(s) }

// parseURL takes [jdbc:]postgresql://user:password@host:port/database?key=value apart.
// What a library could read otherwise is an error: it shows no part of the URL.
func parseURL(s string) (Address, error) {
	begin := scheme.FindString(s)
	jdbc := strings.HasPrefix(begin, "jdbc:")
	rest, query, _ := strings.Cut(s[len(begin):], "?")
	if !strings.HasSuffix(begin, "//") {
		rest = "/" + strings.TrimPrefix(rest, "/") // the database alone
	}
	if strings.Count(rest, "@") > 1 {
		return Address{}, errors.New("it has more than one @: write one within a user or password as %40")
	}
	if strings.Contains(rest[strings.LastIndexByte(rest, '@')+1:]+query, "#") {
		return Address{}, errors.New("it has a #, behind which some read no further: write it as %23")
	}
	var a Address
	var err error
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
	given, err := options(query)
	if err != nil {
		return Address{}, err
	}
	if host == "" && jdbc {
		host = "localhost" // as its driver has it
	}
	err = a.take(given, host)
	return a, err
}

// options reads what stands behind the ? of a URL.
func options(query string) (map[string]string, error) {
	all, err := url.ParseQuery(query)
	if err != nil {
		return nil, errors.New("what stands behind its ? is no list of key=value")
	}
	out := map[string]string{}
	for key, values := range all {
		if len(values) > 1 && says(key) {
			return nil, errors.New("a part of it stands twice behind its ?")
		}
		out[key] = values[0]
	}
	for _, pair := range strings.Split(query, "&") {
		if key, value, _ := strings.Cut(pair, "="); says(key) && strings.Contains(value, "+") {
			return nil, errors.New("behind its ? stands a +, which some take for a blank: write it as %2B, or a blank as %20")
		}
	}
	return out, nil
}
