package certify

import (
	"context"
	_ "embed"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"onerpm/internal/manifest"
)

// clientsProgram is the clients: what the machine has, curl and a shell, keeps no connection and sends no half of a request.
//
//go:embed clients.py
var clientsProgram string

// crowd is clients that do the same.
type crowd struct {
	Name        string   `json:"-"`    // unit of the door, or file of the request
	Held        bool     `json:"-"`    // the door has its new clients wait
	Want        int      `json:"-"`    // status of a good answer, 0 for any below 400
	Many        int      `json:"many"` // clients
	URL         string   `json:"url"`
	Method      string   `json:"method"`
	Headers     []string `json:"headers"`     // "Name: value"
	HeadersFile string   `json:"headersFile"` // on the machine, with more of them; "" for none
	Body        []byte   `json:"body"`
	Keep        bool     `json:"keep"`  // connections; otherwise each request has its own
	Slow        float64  `json:"slow"`  // seconds that sending a request takes
	Every       float64  `json:"every"` // seconds from an answer to the next request
	Notes       string   `json:"notes"` // file on the machine for the numbers of requests that were answered well; "" for none
}

// crowds are the clients of the doors: those that keep their connections, those that do not, slow ones, and
// those that make the requests that the product's checks have.
func (r *run) crowds(ctx context.Context) ([]crowd, error) {
	var all []crowd
	for _, s := range r.asked() {
		if !s.Door {
			continue
		}
		at, err := r.url(ctx, s.Health)
		if err != nil {
			return nil, err
		}
		g := crowd{Name: s.Unit, Held: r.held(at), Want: s.Health.Expect.Status, URL: at, Method: "GET", Headers: []string{}, Body: []byte{}}
		if s.Health.Headers != nil {
			g.HeadersFile = s.Health.Headers.File
		}
		kept, single, slow := g, g, g
		kept.Many, kept.Every, kept.Keep = 20, 0.4, true
		single.Many, single.Every = 4, 0.2
		slow.Many, slow.Every, slow.Slow = 3, 0.2, 1
		all = append(all, kept, single, slow)
	}
	writes := false
	for _, q := range r.checks.Requests {
		g := crowd{Name: q.Name, Held: r.held(q.url), Many: 2, URL: q.url, Method: q.method, Headers: q.headers, Body: q.body, Keep: true, Every: 0.2}
		if len(q.body) > 0 {
			g.Slow, g.Notes, writes = 2, r.at("notes/"+q.Name), true
		}
		all = append(all, g)
	}
	if !writes {
		r.untried = NoWrites + ": no request of specs/" + r.m.From + "-" + r.m.To + "/certify has a body"
	}
	return all, nil
}

// held reports whether the new clients of a URL wait while a door is shut; those who are told to come back do not.
func (r *run) held(at string) bool {
	u, err := url.Parse(at)
	if err != nil {
		return false
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	n, _ := strconv.Atoi(port)
	return slices.ContainsFunc(r.m.Services, func(s manifest.Service) bool { return slices.Contains(s.Hold, n) && !slices.Contains(s.Answer, n) })
}

// withClients upgrades while clients are at work, and says what they saw; nil where no door can be asked.
func (r *run) withClients(ctx context.Context, upgrade func() error) (*Clients, error) {
	crowds, err := r.crowds(ctx)
	if err != nil {
		return nil, err
	}
	if len(crowds) == 0 {
		return nil, upgrade()
	}
	if err := r.startClients(ctx, crowds); err != nil {
		return nil, err
	}
	failed := upgrade()
	out, err := r.endClients(ctx)
	if err != nil {
		return nil, firstOf(failed, err)
	}
	saw, faults, err := judgeClients(out, crowds, r.upgraded)
	return saw, firstOf(failed, err, faults.err())
}

// startClients starts the clients, and returns when the first of them had an answer.
func (r *run) startClients(ctx context.Context, crowds []crowd) error {
	file, err := json.Marshal(map[string]any{"stop": r.at("stop"), "crowds": crowds})
	if err != nil {
		return err
	}
	for name, text := range map[string]string{"clients.py": clientsProgram, "clients.json": string(file)} {
		if _, err := r.machine.send(ctx, r.at(name), strings.NewReader(text)); err != nil {
			return err
		}
	}
	_, err = r.machine.must(ctx, "start the clients", `cd `+r.dir()+` && rm -f stop clients.log || exit
for python in python3 /usr/libexec/platform-python python2 python ""; do ! command -v "$python" >/dev/null || break; done
[ -n "$python" ] || { echo "the machine has no Python, by which clients keep connections"; exit 1; }
setsid "$python" clients.py `+r.at("clients.json")+` >clients.log 2>clients.err </dev/null & echo $! >clients.pid
i=0; while [ ! -s clients.log ] && kill -0 "$(cat clients.pid)" 2>/dev/null && [ $i -lt 300 ]; do i=$((i + 1)); sleep 0.1; done
[ -s clients.log ] || { cat clients.err; exit 1; }`)
	return err
}

// endClients lets every request end, and returns what the clients noted.
func (r *run) endClients(ctx context.Context) (string, error) {
	return r.machine.must(ctx, "end the clients", `sleep 1; cd `+r.dir()+` && : >stop || exit
i=0; while kill -0 "$(cat clients.pid)" 2>/dev/null && [ $i -lt 1500 ]; do i=$((i + 1)); sleep 0.1; done
cat clients.log`)
}
