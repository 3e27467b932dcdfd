// Package connection reads where a product's database, or another server of it, is from the product's file on its host.
package connection

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"onerpm/internal/hostconf"
	"onerpm/internal/manifest"
)

// Address is where a database is and who the product is there. Printed it shows no
// password; as JSON it is whole, for a file that only root can read.
type Address struct {
	Host     string `json:"host"` // name, IP address or folder of a socket
	Port     uint16 `json:"port"`
	Database string `json:"database"`
	User     string `json:"user"`
	Password string `json:"password"`
}

// String names the database without its password.
func (a Address) String() string {
	return fmt.Sprintf("database %s on %s as %s", a.Database, net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port))), a.User)
}

// GoString is String: %#v shows no password either.
func (a Address) GoString() string { return a.String() }

const defaultPort = "5432"

// Read reads the keys that c names from the content of its file. One value may be the whole address: that of the key url, or a URL that is
// then taken apart for the keys that name it. An error names the key, never a value.
func Read(data []byte, c manifest.Connection) (Address, error) {
	d, err := hostconf.Parse(c.Format, data)
	if err != nil {
		return Address{}, err
	}
	if c.Keys.URL != "" {
		return readWhole(d, c.Keys)
	}
	return readParts(d, c.Keys)
}

var errEmpty = errors.New("host, database and user must not be empty")

// readWhole reads the one value that is the address, with what stands beside it.
func readWhole(d *hostconf.Document, keys manifest.ConnectionKeys) (Address, error) {
	text, err := d.Text(keys.URL)
	if err != nil {
		return Address{}, err
	}
	var a Address
	switch {
	case isURL(text):
		a, err = parseURL(text)
	case isConnString(text):
		a, err = parseConnString(text)
	default:
		err = errors.New("it is neither a URL (postgresql://..., jdbc:postgresql:...) nor a connection string (host=... dbname=...)")
	}
	if err != nil {
		return Address{}, fmt.Errorf("the value %q is no address of a PostgreSQL database: %w", keys.URL, err)
	}
	var errs []error
	for _, own := range []struct {
		what, key string
		in        *string
	}{{"user", keys.User, &a.User}, {"password", keys.Password, &a.Password}} {
		if own.key == "" {
			continue
		}
		text, err := d.Text(own.key)
		switch {
		case err != nil:
			errs = append(errs, err)
		case *own.in == "":
			*own.in = text
		case text != "" && text != *own.in:
			errs = append(errs, fmt.Errorf("the value %q names another %s than the value %q: which of them counts is not certain", keys.URL, own.what, own.key))
		}
	}
	if len(errs) == 0 && (a.Host == "" || a.Database == "" || a.User == "") {
		errs = append(errs, errEmpty)
	}
	return a, errors.Join(errs...)
}

// readParts reads a key for each part of the address.
func readParts(d *hostconf.Document, keys manifest.ConnectionKeys) (Address, error) {
	var errs []error
	failed := map[string]bool{} // keys: several parts of the address may name the same
	value := func(key string, part func(Address) string) string {
		if key == "" || failed[key] {
			return ""
		}
		text, err := d.Text(key)
		if err == nil && isURL(text) {
			var u Address
			if u, err = parseURL(text); err == nil {
				return part(u)
			}
			err = fmt.Errorf("the value %q is no address of a PostgreSQL database: %w", key, err)
		}
		if err != nil {
			errs, failed[key] = append(errs, err), true
			return ""
		}
		return text
	}
	a := Address{
		Database: value(keys.Database, func(u Address) string { return u.Database }),
		User:     value(keys.User, func(u Address) string { return u.User }),
		Password: value(keys.Password, func(u Address) string { return u.Password }),
	}
	urlPort := ""
	port := func(u Address) string { urlPort = strconv.Itoa(int(u.Port)); return urlPort }
	host := value(keys.Host, func(u Address) string { port(u); return u.Host })
	own := cmp.Or(value(keys.Port, port), urlPort)
	if len(errs) == 0 { // or else an address that is missing would be called a wrong port
		if err := a.setHost(host, own); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 && (a.Host == "" || a.Database == "" || a.User == "") {
		errs = append(errs, errEmpty)
	}
	return a, errors.Join(errs...)
}

// setHost takes "host", "host:port", "[v6]:port", a bare IPv6 address or the folder
// of a socket apart. A port of its own wins over the host's.
func (a *Address) setHost(host, port string) error {
	if strings.Contains(host, ",") || strings.Contains(port, ",") {
		return errors.New("it names several hosts; the upgrade works with the one server that takes writes")
	}
	if !strings.HasPrefix(host, "/") && strings.ContainsAny(host, "; =?#@\t\n") {
		return errors.New("the host has a sign in it that no host has")
	}
	if h, p, err := net.SplitHostPort(host); err == nil && !strings.HasPrefix(host, "/") {
		host = h
		if port == "" {
			port = p
		}
	}
	if inner, is := strings.CutPrefix(host, "["); is {
		if inner, is = strings.CutSuffix(inner, "]"); !is || net.ParseIP(inner) == nil {
			return errors.New("the host has a [ that is no IPv6 address in brackets")
		}
		host = inner
	}
	if port == "" {
		port = defaultPort
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return errors.New("the port is no number from 1 to 65535")
	}
	a.Host, a.Port = host, uint16(n)
	return nil
}
