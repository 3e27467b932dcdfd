package connection

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// speaking are the parameters that say where a database is and who asks it, by libpq's names. Others, such as sslmode, are not looked at.
var speaking = []string{"host", "hostaddr", "port", "dbname", "user", "password", "service", "passfile"}

func says(key string) bool { return slices.Contains(speaking, key) }

// take puts parameters of a connection over what is known; host is that of a URL.
func (a *Address) take(given map[string]string, host string) error {
	switch {
	case given["service"] != "":
		return errors.New("it names a service of a file that is not read: write the address out")
	case given["passfile"] != "" && given["password"] == "" && a.Password == "":
		return errors.New("its password is in a file that is not read (passfile): write it out")
	}
	for key, to := range map[string]*string{"host": &host, "user": &a.User, "password": &a.Password, "dbname": &a.Database} {
		if v := given[key]; v != "" {
			*to = v
		}
	}
	if v := given["hostaddr"]; v != "" { // what is connected to; the host is only a name then
		host = v
	}
	return a.setHost(host, given["port"])
}

var connString = regexp.MustCompile(`^[ \t\r\n]*[a-z_]+[ \t\r\n]*=`)

func isConnString(s string) bool { return connString.MatchString(s) }

const blanks = " \t\r\n\f\v"

// parseConnString takes host=... port=... dbname=... apart, by the grammar of PostgreSQL's documentation, 34.1.1 (Keyword/Value
// Connection Strings): values with blanks stand in single quotes, and \ takes a sign's meaning away.
func parseConnString(s string) (Address, error) {
	given := map[string]string{}
	for rest := strings.TrimLeft(s, blanks); rest != ""; rest = strings.TrimLeft(rest, blanks) {
		end := strings.IndexAny(rest, "="+blanks)
		if end <= 0 {
			return Address{}, errors.New("it is no list of key=value, parted by blanks")
		}
		key := rest[:end]
		var is bool
		if rest, is = strings.CutPrefix(strings.TrimLeft(rest[end:], blanks), "="); !is {
			return Address{}, errors.New("it is no list of key=value, parted by blanks")
		}
		value, more, err := connValue(strings.TrimLeft(rest, blanks))
		if err != nil {
			return Address{}, err
		}
		if _, twice := given[key]; twice {
			return Address{}, errors.New("a key stands twice in it")
		}
		given[key], rest = value, more
	}
	var a Address
	err := a.take(given, "")
	return a, err
}

// connValue reads one value, and returns what stands behind it.
func connValue(s string) (value, rest string, err error) {
	var b strings.Builder
	quoted := strings.HasPrefix(s, "'")
	i := 0
	if quoted {
		i = 1
	}
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case quoted && c == '\'':
			return b.String(), s[i+1:], nil
		case !quoted && strings.IndexByte(blanks, c) >= 0:
			return b.String(), s[i:], nil
		case c == '\\' && i+1 == len(s) && !quoted:
			return "", "", errors.New(`it ends with a \: write \\ for one`)
		case c == '\\' && i+1 < len(s):
			i++
			c = s[i]
		}
		b.WriteByte(c)
	}
	if quoted {
		return "", "", errors.New("a quote in it is not closed")
	}
	return b.String(), "", nil
}
