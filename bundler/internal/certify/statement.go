package certify

import (
	"fmt"
	"path/filepath"
	"time"

	"onerpm/bundler/internal/intoto"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/sign"
)

// PredicateType names what a certificate's statement says.
const PredicateType = "urn:onerpm:bundle-certificate:v1"

// The outcomes of a scenario and of a whole certificate.
const (
	Passed = "passed"
	Failed = "failed"
)

// Certificate is how a bundle did on a platform. It is the predicate of the statement.
type Certificate struct {
	Bundle    string            `json:"bundle"` // file name
	From      string            `json:"from"`   // the releases
	To        string            `json:"to"`
	Platform  string            `json:"platform"` // as a release names it, e.g. "el7.x86_64"
	Outcome   string            `json:"outcome"`  // Passed, when every scenario did
	Started   time.Time         `json:"started"`
	Ended     time.Time         `json:"ended"`
	Machine   Facts             `json:"machine"`
	Scenarios []Scenario        `json:"scenarios"` // in the order of Names
	Checks    []Check           `json:"checks"`    // the product's own, by name
	LeftOut   []release.LeftOut `json:"left_out"`  // what was not compared with the machine before, each with its reason
	Engine    string            `json:"engine"`    // sha256 of the program that upgraded
	Tool      string            `json:"tool"`      // what certified: program and version
}

// Facts are what the machine says of itself.
type Facts struct {
	System     string `json:"system"`  // PRETTY_NAME of /etc/os-release
	ID         string `json:"id"`      // ID there
	Version    string `json:"version"` // VERSION_ID there
	Arch       string `json:"arch"`
	Kernel     string `json:"kernel"`
	Systemd    string `json:"systemd"`
	RPM        string `json:"rpm"`
	PostgreSQL string `json:"postgresql,omitempty"` // of the first database; "" without one
	like       string // ID_LIKE
}

// Scenario is how one scenario ended.
type Scenario struct {
	Name    string  `json:"name"`
	Outcome string  `json:"outcome"`
	Reason  string  `json:"reason,omitempty"` // of a failure
	Seconds float64 `json:"seconds"`          // all of it, without the making of its machine
	// Window is the time without service in seconds, as the upgrade's report tells it: of the last
	// upgrade that went through or back; 0 when nothing was shut.
	Window   float64 `json:"window"`
	Measured bool    `json:"measured"`          // at the door, not by its stop and start
	Limit    float64 `json:"limit"`             // that the bundle promises, in seconds
	Untried  string  `json:"untried,omitempty"` // what the scenario is there for and could not try, and why: NoWrites
	Load     *Load   `json:"load,omitempty"`    // of the scenario load
	// Of the scenario clients: the upgrade that goes back, and the one that does not; nil where no door can be asked.
	Back    *Clients `json:"clients_back,omitempty"`
	Clients *Clients `json:"clients,omitempty"`
}

// Clients is what clients of the doors saw, of which none asked twice.
type Clients struct {
	Requests int     `json:"requests"`
	Failed   int     `json:"failed"`  // without a whole answer, or with an error of the server's (5xx)
	Cut      int     `json:"cut"`     // of Failed: no whole answer on a connection that was there when the door was shut
	Longest  float64 `json:"longest"` // wait for an answer, in seconds

	Writes int `json:"writes,omitempty"` // requests with a body that were answered with 2xx
}

// NoWrites begins what a certificate says when nothing wrote while the bundle upgraded.
const NoWrites = "no writes were tried"

// TurnedAway is how many requests failed that could have waited.
func (c Clients) TurnedAway() int { return c.Failed - c.Cut }

// Plus returns what both saw together.
func (c Clients) Plus(o Clients) Clients {
	return Clients{c.Requests + o.Requests, c.Failed + o.Failed, c.Cut + o.Cut, max(c.Longest, o.Longest), c.Writes + o.Writes}
}

func (c Clients) String() string {
	away := "none"
	if n := c.TurnedAway(); n > 0 {
		away = fmt.Sprint(n)
	}
	return fmt.Sprintf("%d requests, longest wait %.1f s, %s turned away, %d cut off", c.Requests, c.Longest, away, c.Cut)
}

// Load is what a client saw that asked the product's health questions all the time.
type Load struct {
	Asked  int     `json:"asked"`
	Good   int     `json:"good"`   // answers as expected
	Gap    float64 `json:"gap"`    // longest time between two good answers of one question, in seconds
	Writes int     `json:"writes"` // calls of the product's own scripts that ended well
}

// Check is a file of the product's own checks.
type Check struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// Window returns the time without service of a plain upgrade, in seconds, 0 when it is not known.
func (c Certificate) Window() float64 {
	for _, s := range c.Scenarios {
		if s.Name == Fresh {
			return s.Window
		}
	}
	return 0
}

// Clients returns what clients saw in all upgrades together; zero when there were none.
func (c Certificate) Clients() Clients {
	var all Clients
	for _, s := range c.Scenarios {
		for _, saw := range []*Clients{s.Back, s.Clients} {
			if saw != nil {
				all = all.Plus(*saw)
			}
		}
	}
	return all
}

// Wrote reports whether anything was written, and acknowledged, while the bundle upgraded.
func (c Certificate) Wrote() bool {
	wrote := c.Clients().Writes > 0
	for _, s := range c.Scenarios {
		wrote = wrote || s.Load != nil && s.Load.Writes > 0
	}
	return wrote
}

// FileName is what the statement of a bundle is called; its signature has ".asc" behind it.
func FileName(bundle, platform string) string {
	return filepath.Base(bundle) + ".certificate." + platform + ".intoto.json"
}

// Seal writes a certificate of the file with that sha256 as a statement, and signs it.
func Seal(c Certificate, sha256 string, key *sign.Key) (statement, signature []byte, err error) {
	s := intoto.New(PredicateType, c, intoto.Resource{Name: c.Bundle, Digest: map[string]string{"sha256": sha256}})
	if statement, err = s.Encode(); err != nil {
		return nil, nil, err
	}
	signature, err = key.Detached(statement, c.Ended)
	return statement, signature, err
}
