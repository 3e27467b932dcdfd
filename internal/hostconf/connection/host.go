package connection

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"onerpm/internal/hostconf"
	"onerpm/internal/manifest"
)

// Host reads the keys that a names from the content of its file: a host, which may be host:port, and a port, 0 for
// the usual one. An error names the key, never a value.
func Host(data []byte, a manifest.HostAddress) (name string, port uint16, err error) {
	d, err := hostconf.Parse(a.Format, data)
	if err != nil {
		return "", 0, err
	}
	if name, err = d.Text(a.Host); err != nil {
		return "", 0, err
	}
	if strings.ContainsAny(name, "/ @?#") {
		return "", 0, fmt.Errorf("the value %q is no host", a.Host)
	}
	digits := ""
	if h, p, err := net.SplitHostPort(name); err == nil {
		name, digits = h, p
	}
	name = strings.Trim(name, "[]")
	if a.Port != "" {
		if digits, err = d.Text(a.Port); err != nil {
			return "", 0, err
		}
	}
	if name == "" {
		return "", 0, fmt.Errorf("the value %q is no host", a.Host)
	}
	if digits == "" {
		return name, 0, nil
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || n == 0 {
		return "", 0, errors.New("the port is no number from 1 to 65535")
	}
	return name, uint16(n), nil
}
