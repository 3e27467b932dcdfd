// Package storetest is a small product for tests of stores: its mapping, its tables, and a writer
// of documents with what is awkward in real ones.
package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/elastic/elastictest"
)

// Schema is that of a product with all that a mapping can fill.
const Schema = `
CREATE TYPE progress AS ENUM ('begun', 'done', 'failed');
CREATE TABLE plans (_n serial PRIMARY KEY, id text, body bytea NOT NULL, tenant integer NOT NULL);
CREATE TABLE sites (_n serial PRIMARY KEY, id text, plan integer NOT NULL REFERENCES plans ON DELETE CASCADE, description text, made timestamp NOT NULL);
CREATE TABLE parts (_n serial PRIMARY KEY, id text, site integer NOT NULL REFERENCES sites ON DELETE CASCADE, count integer NOT NULL, properties bytea, version integer, other text DEFAULT 'x' NOT NULL);
CREATE TABLE jobs (_n serial PRIMARY KEY, id text, site integer REFERENCES sites ON DELETE CASCADE, progress progress, system boolean NOT NULL, facts json);
CREATE TABLE steps (_n serial PRIMARY KEY, id text, what varchar(40) NOT NULL, site integer NOT NULL REFERENCES sites ON DELETE CASCADE);
CREATE TABLE settings (id text PRIMARY KEY, body bytea NOT NULL);
CREATE TABLE events (_n serial PRIMARY KEY, id text, at timestamp NOT NULL, reported timestamp NOT NULL, message text, job integer NOT NULL REFERENCES jobs ON DELETE CASCADE, causes text);
CREATE TABLE logs (id text, at timestamptz NOT NULL, message text, job integer);
`

func skip() *manifest.Instead { return &manifest.Instead{Do: manifest.Skip} }

// Spec is the mapping of the product's documents to Schema.
func Spec() manifest.Store {
	read := func(kind string) manifest.StoreRead { return manifest.StoreRead{Index: "things", Type: kind} }
	grows := func(kind string) manifest.StoreRead {
		return manifest.StoreRead{Index: "days-*", Type: kind, Grows: "@timestamp"}
	}
	return manifest.Store{Name: "storage", To: "manager", From: manifest.StoreSource{Elasticsearch: manifest.HostAddress{File: "/p.conf", Format: "yaml", Host: "h"}},
		Ignore: []manifest.StoreIgnore{{Index: "kept", Why: "history"}},
		Tables: []manifest.StoreTable{
			{Table: "plans", Read: read("plan"), Key: []string{"id"}, Number: "_n", Always: map[string]manifest.JSON{"tenant": manifest.JSON("0")},
				Columns: map[string]manifest.StoreColumn{"id": {From: "id"}, "body": {From: "body", As: "pickle", Required: true}}},
			{Table: "sites", Read: read("site"), Key: []string{"id"}, Number: "_n", Columns: map[string]manifest.StoreColumn{
				"id": {From: "id"}, "plan": {Row: "plans", By: []string{"plan_id"}, Lacking: skip(), Required: true}, "description": {From: "description"}, "made": {From: "made", As: "wall", Required: true}}},
			{Table: "parts", Read: read("part"), Key: []string{"site_id", "id"}, Number: "_n", Columns: map[string]manifest.StoreColumn{
				"id": {From: "id"}, "site": {Row: "sites", By: []string{"site_id"}, Lacking: skip(), Required: true}, "count": {From: "count", As: "integer", Required: true, Lacking: &manifest.Instead{Value: manifest.JSON("0")}},
				"properties": {From: "properties", As: "json"}, "version": {Meta: "_version"}},
				Edit: []manifest.StoreEdit{{When: map[string]manifest.StoreCondition{"properties.agent": {Is: manifest.JSON("true")}}, Put: map[string]manifest.JSON{"properties.ip": manifest.JSON(`"<<ip>>"`)}}}},
			{Table: "jobs", Read: read("job"), Key: []string{"id"}, Number: "_n", Columns: map[string]manifest.StoreColumn{
				"id": {From: "id"}, "site": {Row: "sites", By: []string{"site_id"}, Lacking: skip()}, "progress": {From: "progress", Only: []string{"begun", "done", "failed"}, Final: []string{"done", "failed"}},
				"system": {From: "system", As: "boolean", Required: true, Lacking: &manifest.Instead{Value: manifest.JSON("false")}}, "facts": {From: "facts", As: "json-text"}}},
			{Table: "steps", Read: manifest.StoreRead{Index: "things", Type: "update", Each: "steps"}, Key: []string{"id"}, Number: "_n", Columns: map[string]manifest.StoreColumn{
				"id": {From: "id"}, "what": {From: "what", Required: true, Lacking: skip()}, "site": {Row: "sites", By: []string{"site_id"}, Of: "document", Lacking: skip(), Required: true}}},
			{Table: "settings", Read: read("setting"), Key: []string{"_id"}, Columns: map[string]manifest.StoreColumn{"id": {Meta: "_id"}, "body": {From: "body", As: "json", Required: true}}},
			{Table: "events", Read: grows("event"), Key: []string{"_id"}, Columns: map[string]manifest.StoreColumn{
				"id": {Meta: "_id"}, "at": {From: "@timestamp", As: "time", Required: true}, "reported": {From: "timestamp", As: "wall", Required: true, Lacking: &manifest.Instead{From: "@timestamp"}, Unreadable: &manifest.Instead{From: "@timestamp"}},
				"message": {From: "message.text"}, "job": {Row: "jobs", By: []string{"context.job_id"}, Required: true, Lacking: skip()}, "causes": {From: "context.causes", As: "json-text"}}},
			{Table: "logs", Read: grows("log"), Key: []string{"_id"}, Columns: map[string]manifest.StoreColumn{
				"id": {Meta: "_id"}, "at": {From: "@timestamp", As: "time", Required: true}, "message": {From: "message.text"}, "job": {Row: "jobs", By: []string{"context.job_id"}, Lacking: &manifest.Instead{Do: manifest.Null}}}},
		}}
}

// Product writes documents as a product does, at random.
type Product struct {
	*rand.Rand
	s     *elastictest.Server
	Now   time.Time // of the next document
	n     int
	plans []string
	sites []string
	Jobs  []string
	Final bool // jobs end at once
}

// NewProduct returns one that began three days ago.
func NewProduct(s *elastictest.Server, seed uint64) *Product {
	return &Product{Rand: rand.New(rand.NewPCG(seed, 1)), s: s, Now: time.Now().Add(-72 * time.Hour), Final: true}
}

// name is a new one, which sometimes has blanks or dots.
func (p *Product) name(kind string) string {
	p.n++
	return fmt.Sprintf(kind+[]string{"-%d", " %d", ".x.%d"}[p.IntN(3)], p.n)
}

// pick is one of a list or one that is not there.
func (p *Product) pick(list []string) string {
	if len(list) == 0 || p.IntN(12) == 0 {
		return "nowhere"
	}
	return list[p.IntN(len(list))]
}

var oddValues = []string{`{"a":1.0,"b":[null,-0.0,123456789012345678901234567890]}`, `{"":"","k.e.y":{"x":"\u0000\ud800é"}}`, `{"agent":true}`, `[]`, `{}`, `"text"`, `{"dup":1,"dup":2}`, `null`}

func (p *Product) value() string {
	if p.IntN(30) == 0 {
		return `{"big":"` + strings.Repeat("x", 200000) + `"}`
	}
	return oddValues[p.IntN(len(oddValues))]
}

// Work does so many things.
func (p *Product) Work(n int) {
	for range n {
		p.Now = p.Now.Add(time.Duration(p.IntN(1000)) * time.Millisecond)
		switch p.IntN(20) {
		case 0:
			id := p.name("plan")
			p.plans = append(p.plans, id)
			p.s.Put("things", "plan", id, fmt.Sprintf(`{"id":%q,"body":%s}`, id, p.value()))
		case 1, 2:
			id := p.name("site")
			p.sites = append(p.sites, id)
			p.s.Put("things", "site", id, fmt.Sprintf(`{"id":%q,"plan_id":%q,"description":%s,"made":%q}`, id, p.pick(p.plans), []string{"null", `""`, `"\u0000 é"`}[p.IntN(3)], p.Now.Format("2006-01-02 15:04:05.999999")))
		case 3, 4:
			site, id := p.pick(p.sites), fmt.Sprint("part", p.IntN(3))
			p.s.Put("things", "part", site+"_"+id, fmt.Sprintf(`{"id":%q,"site_id":%q,"count":%d,"properties":%s}`, id, site, p.IntN(5), p.value()))
		case 5, 6:
			id := p.name("job")
			p.Jobs = append(p.Jobs, id)
			p.Job(id)
		case 7:
			if len(p.Jobs) > 0 {
				p.Job(p.Jobs[p.IntN(len(p.Jobs))])
			}
		case 8:
			p.s.Put("things", "update", p.name("u"), fmt.Sprintf(`{"id":"u%d","site_id":%q,"steps":[{"id":"same","what":"add"},{"id":"same"},{"id":"same","what":"remove"}]}`, p.n, p.pick(p.sites)))
		case 9:
			p.s.Put("things", "setting", "CONTEXT", fmt.Sprintf(`{"body":%s}`, p.value()))
		case 10:
			p.less()
		default:
			p.event()
		}
	}
	if p.Final {
		for _, id := range p.Jobs {
			if p.IntN(4) == 0 {
				p.Job(id)
			}
		}
	}
	p.s.Refresh()
}

// Job writes a job, new or again.
func (p *Product) Job(id string) {
	progress := []string{`"done"`, `"failed"`, `null`}[p.IntN(3)]
	if !p.Final && p.IntN(2) == 0 {
		progress = `"begun"`
	}
	site := fmt.Sprintf("%q", p.pick(p.sites))
	if p.IntN(4) == 0 {
		site = "null"
	}
	p.s.Put("things", "job", id, fmt.Sprintf(`{"id":%q,"site_id":%s,"progress":%s,"facts":[{"n":%d}]%s}`, id, site, progress, p.IntN(3), []string{"", `,"system":true`}[p.IntN(2)]))
}

// less deletes something, now and then.
func (p *Product) less() {
	switch {
	case len(p.sites) > 4 && p.IntN(3) == 0:
		at := p.IntN(len(p.sites))
		id := p.sites[at]
		p.sites = slices.Delete(p.sites, at, at+1)
		p.s.Delete("things", "site", id)
		p.s.DeleteByQuery("things", "part", func(source string) bool { return strings.Contains(source, fmt.Sprintf(`"site_id":%q`, id)) })
		if p.IntN(2) == 0 {
			p.s.DeleteByQuery("things", "job", func(source string) bool { return strings.Contains(source, fmt.Sprintf(`"site_id":%q`, id)) })
		}
	case len(p.plans) > 3 && p.IntN(6) == 0:
		p.s.Delete("things", "plan", p.plans[0])
		p.plans = p.plans[1:]
	}
}

func (p *Product) event() {
	id, kind := p.name("AV"), []string{"event", "log"}[p.IntN(2)]
	reported := []string{
		p.Now.Format(`"2006-01-02 15:04:05.000+0000"`), p.Now.Format(`"2006-01-02 15:04:05.000"`), p.Now.Format(`"2006-01-02 15:04+0000"`), `"junk"`, `null`,
		p.Now.Format(`"2006-01-02 15:04:05.000Coordinated Universal Time"`), p.Now.Format(`"2006-01-02T15:04:05.000Z"`),
	}[p.IntN(7)]
	context := fmt.Sprintf(`{"job_id":%q,"causes":[{"m":"\u0000"}]}`, p.pick(p.Jobs))
	if p.IntN(10) == 0 {
		context = `{}`
	}
	at := p.Now.UTC()
	if p.IntN(40) == 0 {
		at = at.Add([]time.Duration{-5, 5}[p.IntN(2)] * time.Hour) // of another zone
	}
	source := fmt.Sprintf(`{"@timestamp":%q,"timestamp":%s,"message":{"text":"%d \u0000\ud800\n\t\\é"},"context":%s}`, at.Format("2006-01-02T15:04:05.000Z"), reported, p.n, context)
	p.s.Put("days-"+at.Format("2006.01.02"), kind, id, source)
	if p.IntN(50) == 0 {
		p.s.Put("days-"+at.AddDate(0, 0, 1).Format("2006.01.02"), kind, id, source) // the same id in two indices
	}
}

// Small is one document of each type.
func Small(s *elastictest.Server) {
	s.Put("things", "plan", "p", `{"id":"p","body":{}}`)
	s.Put("things", "site", "s", `{"id":"s","plan_id":"p","made":"2017-01-05 10:20:30"}`)
	s.Put("things", "part", "s_x", `{"id":"x","site_id":"s"}`)
	s.Put("things", "job", "j", `{"id":"j","site_id":"s","progress":"done"}`)
	s.Put("days-2017.01.05", "event", "e", `{"@timestamp":"2017-01-05T10:20:30.000Z","context":{"job_id":"j"}}`)
	s.Put("kept", "whatever", "k", `{}`)
	s.Refresh()
}

// Content is all rows of Schema, with what they refer to instead of numbers; value answers a query.
func Content(value func(query string) string) string {
	var all []string
	for _, q := range []string{
		`SELECT 'plan', id, encode(body, 'escape'), tenant::text FROM plans`,
		`SELECT 'site', s.id, p.id, s.description, s.made::text FROM sites s JOIN plans p ON p._n = s.plan`,
		`SELECT 'part', p.id, s.id, p.count::text, encode(p.properties, 'escape'), p.version::text, p.other FROM parts p JOIN sites s ON s._n = p.site`,
		`SELECT 'job', j.id, s.id, j.progress::text, j.system::text, j.facts::text FROM jobs j LEFT JOIN sites s ON s._n = j.site`,
		`SELECT 'step', t.id, t.what, s.id FROM steps t JOIN sites s ON s._n = t.site`,
		`SELECT 'setting', id, encode(body, 'escape') FROM settings`,
		`SELECT 'event', e.id, e.at::text, e.reported::text, e.message, j.id, e.causes FROM events e JOIN jobs j ON j._n = e.job`,
		`SELECT 'log', l.id, l.at::text, l.message, j.id FROM logs l LEFT JOIN jobs j ON j._n = l.job`,
	} {
		list := value("SELECT string_agg(replace(x::text, E'\\n', '~'), E'\\n') FROM (" + q + ") x")
		all = append(all, strings.Split(list, "\n")...)
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}
