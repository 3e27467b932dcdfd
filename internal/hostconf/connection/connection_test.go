package connection_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"onerpm/internal/hostconf"
	"onerpm/internal/hostconf/connection"
	"onerpm/internal/hostconf/hostconftest"
	"onerpm/internal/manifest"
	"onerpm/test/docs"
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
	var keys []manifest.ConnectionKeys
	for _, c := range hostconftest.Addresses {
		i := slices.Index(keys, c.Keys)
		if i < 0 {
			i, keys = len(keys), append(keys, c.Keys)
		}
		f.Add(c.Format, c.Text, uint8(i))
	}
	f.Fuzz(func(t *testing.T, format, text string, which uint8) {
		a, err := connection.Read([]byte(text), manifest.Connection{Format: format, Keys: keys[int(which)%len(keys)]})
		if err == nil && (a.Host == "" || a.Database == "" || a.User == "" || a.Port == 0) {
			t.Errorf("%+v without an error", a)
		}
	})
}

// TestConnStringsAreLibpqs: what pgx reads in a connection string or URL, where it takes one, is what is read here.
func TestConnStringsAreLibpqs(t *testing.T) {
	t.Parallel()
	n := 0
	for _, c := range hostconftest.Addresses {
		if c.Keys.URL == "" || c.Err != "" || strings.Contains(c.Text, "jdbc") || strings.Contains(c.Text, "hostaddr") { // it does not know these
			continue
		}
		d, err := hostconf.Parse(c.Format, []byte(c.Text))
		if err != nil {
			t.Fatal(err)
		}
		text, err := d.Text(c.Keys.URL)
		if err != nil {
			t.Fatal(err)
		}
		other, err := pgconn.ParseConfig(text)
		if err != nil { // a driver in the scheme
			continue
		}
		n++
		same := other.Host == c.Host && int(other.Port) == c.Port && other.Database == c.Database
		if c.Keys.User == "" {
			same = same && other.User == c.User && other.Password == c.Password
		}
		if !same {
			t.Errorf("%s: pgx reads %s:%d, %s as %s", c.Name, other.Host, other.Port, other.Database, other.User)
		}
	}
	if n < 6 {
		t.Errorf("pgx reads %d of them: that compares little", n)
	}
}

// TestConnectionsOfTheDocs: what docs/writing-a-jump.md says of addresses is what is read.
func TestConnectionsOfTheDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/writing-a-jump.md")
	if err != nil {
		t.Fatal(err)
	}
	d, err := docs.Read("docs/writing-a-jump.md", string(text))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, b := range d.Blocks {
		if b.How != "TestConnectionsOfTheDocs" {
			continue
		}
		for line := range strings.Lines(b.Text) {
			value, want, _ := strings.Cut(strings.TrimSpace(line), "  ")
			data, err := json.Marshal(map[string]string{"url": value})
			if err != nil {
				t.Fatal(err)
			}
			a, err := connection.Read(data, manifest.Connection{Format: "json", Keys: manifest.ConnectionKeys{URL: "url"}})
			if err != nil || a.String() != strings.TrimSpace(want) {
				t.Errorf("%s: %s, %v; want %s", value, a, err, want)
			}
			n++
		}
	}
	if n < 5 {
		t.Errorf("%d examples were found", n)
	}
}
