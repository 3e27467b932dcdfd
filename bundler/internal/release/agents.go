package release

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"onerpm/internal/manifest"
)

// AgentsScript is the script of specs/<jump>/certify by which the jump's agents are certified.
const AgentsScript = "agents.sh"

var headerGrammar = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$") // a token of RFC 9110

// agents checks how the agents are upgraded.
func (p *page) agents(a *manifest.Agents) {
	if a == nil {
		return
	}
	if p.need(a.API, "the API's URL on this machine, e.g. http://127.0.0.1:8100/api/v3.1", "agents", "api") {
		p.onThisMachine(a.API, "agents", "api")
	}
	if p.need(a.Headers.File, "the file on the host in which the admin puts headers that let an administrator in", "agents", "headers", "file") {
		p.hostPath(a.Headers.File, "agents", "headers", "file")
	}
	for _, n := range []struct{ value, section, key, what string }{
		{a.Lists.Items, "lists", "items", "the key of the items in a list's answer"},
		{a.Lists.Size, "lists", "size", "the query parameter that says how many items are wanted"},
		{a.Lists.Offset, "lists", "offset", "the query parameter that says how many items to leave out"},
		{a.Tenants.List, "tenants", "list", "the path of the list of tenants"},
		{a.Tenants.Name, "tenants", "name", "the key of a tenant's name"},
		{a.Tenants.Header, "tenants", "header", "the header that names a request's tenant"},
		{a.Groups.List, "groups", "list", "the path of the list of things that can have an agent"},
		{a.Groups.Name, "groups", "name", "the key of the name of the thing's group"},
		{a.Groups.State, "groups", "state", "the key of the thing's state"},
		{a.Groups.Ready, "groups", "ready", "the state that all things of a group must have"},
		{a.Groups.Version, "groups", "version", "the key of the version of the thing's agent, e.g. runtime.agent.version"},
		{a.Groups.Becomes, "groups", "becomes", "the version that an upgraded agent has"},
		{a.Work.Path, "work", "path", "the path to which a work is posted"},
		{a.Work.Body, "work", "body", "what is posted: JSON, with {group} for the group's name"},
		{a.Work.Find, "work", "find", "the query that lists a group's works, with {group} for its name"},
		{a.Work.ID, "work", "id", "the key of a work's id"},
		{a.Work.Status, "work", "status", "the key of a work's status"},
		{a.Work.Error, "work", "error", "the key of what is said about a failure"},
	} {
		p.need(n.value, n.what, "agents", n.section, n.key)
	}
	p.match(headerGrammar, a.Tenants.Header, "the name of a header", "agents", "tenants", "header")
	p.namesGroup(a.Groups.Find, "agents", "groups", "find")
	p.work(a.Work)
	p.numbers(a)
}

// credentials warns when nothing that the spec or the new release has puts the agents'
// credentials on a host: no configuration file, no path under state, no hook that
// names the file. Then they are the admin's to write, and until then agents are pending.
// The admin's own folder, /etc/<prefix>, is where such a file belongs: the engine's check tells the admin.
func (r *reader) credentials(p *page, s *Spec, folder string) {
	if s.Agents == nil || s.Agents.Headers.File == "" {
		return
	}
	file := s.Agents.Headers.File
	if strings.HasPrefix(file, "/etc/"+r.cat.Product.Prefix+"/") {
		return
	}
	if to := r.cat.Release(s.To); to != nil && slices.ContainsFunc(to.ConfigFiles, func(c ConfigFile) bool { return c.Target == file }) {
		return
	}
	if slices.ContainsFunc(s.State, func(dir string) bool { return strings.HasPrefix(file, dir+"/") }) {
		return
	}
	for _, h := range s.Hooks.All() {
		text, err := readBounded(filepath.Join(r.root, folder, h.Run), maxHook)
		if err == nil && bytes.Contains(text, []byte(file)) {
			return
		}
	}
	r.cat.Warnings.Add(p.doc.Mistake(fmt.Sprintf("nothing of the bundle writes %s, with which the agents are asked for", file),
		"agents stay pending until the admin writes it; a hook that writes it names its path", "agents", "headers", "file"))
}

// uncertified warns when nothing says how the jump's agents are certified.
func (r *reader) uncertified(p *page, s *Spec) {
	if s.Agents == nil {
		return
	}
	if _, err := os.Stat(filepath.Join(s.Dir, "certify", AgentsScript)); err == nil {
		return
	}
	r.cat.Warnings.Add(p.doc.Mistake("certification does not try the agents: there is no certify/"+AgentsScript,
		"a script that makes agents which fail and vanish, and shows what became of them: docs/certification.md", "agents"))
}

// onThisMachine reports a URL that leads elsewhere: credentials must not leave the host.
func (p *page) onThisMachine(address string, at ...any) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || !loopback(u.Hostname()) || u.User != nil {
		p.wrong(fmt.Sprintf("%q does not ask this machine over http or https", address),
			"http:// or https://, then 127.0.0.1, ::1 or localhost; secrets go into headers", at...)
	}
}

func (p *page) work(w manifest.AgentWork) {
	var object map[string]any
	switch {
	case w.Body == "":
	case json.Unmarshal([]byte(strings.ReplaceAll(w.Body, "{group}", "g")), &object) != nil:
		p.wrong("it is no JSON object", "an object in which {group} stands inside a string", "agents", "work", "body")
	case !strings.Contains(w.Body, "{group}"):
		p.wrong("it does not name the group", "write {group} where its name belongs", "agents", "work", "body")
	}
	p.namesGroup(w.Find, "agents", "work", "find")
	for _, l := range []struct {
		key  string
		list []string
	}{{"done", w.Done}, {"failed", w.Failed}} {
		if len(l.list) == 0 {
			p.missing("the statuses of a work that ended so", "agents", "work", l.key)
		}
	}
	p.positive(w.Within, "how long the work of one group may take, e.g. 15m", "agents", "work", "within")
}

// namesGroup reports a query without the group's name: it would list those of all groups.
func (p *page) namesGroup(query string, at ...any) {
	if query != "" && !strings.Contains(query, "{group}") {
		p.wrong("it does not name the group", "write {group} where its name belongs", at...)
	}
}

func (p *page) numbers(a *manifest.Agents) {
	for _, n := range []struct {
		key         string
		value       int
		least, most int
		what        string
	}{
		{"canary", a.Canary, 0, 1000, "groups that are asked first, one by one"},
		{"batch", a.Batch, 1, 1000, "groups that are asked at a time"},
		{"stop", a.Stop, 0, 100, "percent of failed groups, above which no more are asked"},
	} {
		switch {
		case !p.doc.Has("agents", n.key):
			p.missing(n.what, "agents", n.key)
		case n.value < n.least || n.value > n.most:
			p.wrong(fmt.Sprintf("%s is %d", n.key, n.value), fmt.Sprintf("%s: from %d to %d", n.what, n.least, n.most), "agents", n.key)
		}
	}
}
