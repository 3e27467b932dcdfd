package connection_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"onerpm/internal/hostconf/connection"
	"onerpm/internal/hostconf/hostconftest"
	"onerpm/internal/manifest"
)

func TestRead(t *testing.T) {
	t.Parallel()
	for _, c := range hostconftest.Addresses {
		got, err := connection.Read([]byte(c.Text), manifest.Connection{File: "f", Format: c.Format, Keys: c.Keys})
		if c.Err != "" {
			if err == nil || !strings.Contains(err.Error(), c.Err) || strings.Contains(err.Error(), "S3cret") {
				t.Errorf("%s: error %v, want %q", c.Name, err, c.Err)
			}
			lines := strings.Split(err.Error(), "\n")
			slices.Sort(lines)
			if len(slices.Compact(lines)) != strings.Count(err.Error(), "\n")+1 || strings.Contains(err.Error(), "the port is") && !strings.Contains(c.Err, "no number") {
				t.Errorf("%s: one mistake is told as several: %v", c.Name, err)
			}
			continue
		}
		want := connection.Address{Host: c.Host, Port: uint16(c.Port), Database: c.Database, User: c.User, Password: c.Password}
		if err != nil || got != want {
			t.Errorf("%s: %+v %q, %v; want %+v %q", c.Name, got, got.Password, err, want, want.Password)
		}
	}
}

func TestAddressShowsNoPassword(t *testing.T) {
	t.Parallel()
	a := connection.Address{Host: "::1", Port: 5432, Database: "d", User: "u", Password: "S3cret"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		got := fmt.Sprintf(verb+" "+verb, a, &a)
		if strings.Contains(got, "S3cret") || !strings.Contains(got, "database d on [::1]:5432 as u") {
			t.Errorf("%s: %s", verb, got)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, c := range hostconftest.Addresses {
		f.Add(c.Format, c.Text, c.Keys.Host == "url")
	}
	of := map[bool]manifest.ConnectionKeys{}
	for _, c := range hostconftest.Addresses {
		of[c.Keys.Host == "url"] = c.Keys
	}
	f.Fuzz(func(t *testing.T, format, text string, isURL bool) {
		a, err := connection.Read([]byte(text), manifest.Connection{Format: format, Keys: of[isURL]})
		if err == nil && (a.Host == "" || a.Database == "" || a.User == "" || a.Port == 0) {
			t.Errorf("%+v without an error", a)
		}
	})
}
