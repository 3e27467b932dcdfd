// Package documents writes into an Elasticsearch what release 3.4.2 of the product leaves there in years of use, awkward
// data of every kind included, in the ways in which the product writes. The same seed writes the same documents.
package documents

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"onerpm/test/product/internal/elastic"
)

// Options say what is written.
type Options struct {
	Address     string // host:port of an Elasticsearch
	Seed        uint64
	Deployments int // ordinary ones, with their nodes, instances and executions; 5 if 0
	Large       int // bytes of the large properties, 2 MB if 0
}

// Product is a product that writes. It knows what it wrote, as a user of its interface would.
type Product struct {
	writer
	options Options
	rng     *rand.Rand
	clock   func() time.Time // if set, the manager's
	at      time.Time        // otherwise: it moves with what is written
	zone    time.Duration    // of the manager's and the agents' local time
	made    int              // ids

	blueprints  []string
	deployments []*deployment
	executions  []string // with a document; the system's too
	plugins     []string
	snapshots   []string
	written     []entry // events and logs that a snapshot can bring back
	pending     []entry // logstash has them in memory
}

type deployment struct {
	id, blueprint string
	nodes         []string
	instances     []*instance
	executions    []string
}

type instance struct {
	id      string
	doc     object
	version int
}

// New returns a product over an empty Elasticsearch.
func New(o Options) *Product {
	if o.Deployments == 0 {
		o.Deployments = 5
	}
	if o.Large == 0 {
		o.Large = 2 << 20
	}
	rng := rand.New(rand.NewPCG(o.Seed, 342))
	return &Product{
		writer: writer{elastic.Client{Address: o.Address}}, options: o, rng: rng,
		at:   time.Date(2017, 3, 1, 20, 0, 0, 0, time.UTC),
		zone: time.Duration(rng.IntN(27)-12) * time.Hour,
	}
}

// Create makes the index and the template for the daily ones, as an installation does.
func (p *Product) Create(ctx context.Context) error {
	if err := p.es.PutTemplate(ctx); err != nil {
		return err
	}
	return p.es.CreateStorage(ctx)
}

// Fill makes the indices and writes everything that is awkward at least once, with ordinary data around it.
func (p *Product) Fill(ctx context.Context) error {
	if err := p.Create(ctx); err != nil {
		return err
	}
	steps := []func(context.Context) error{p.addContext, p.addOldBlueprint, p.addPlugin, p.addOldPlugin}
	for range p.options.Deployments {
		steps = append(steps, p.addBlueprint, p.addDeployment)
	}
	steps = append(steps, p.addAwkwardIDs, p.addOldDeployment, p.addLarge, p.collide, p.breakReferences, p.addUpdate, p.addUpdate, p.addModification,
		p.addSnapshot, p.addStaleSnapshot, p.deleteWithBlanks, p.addEveryTime, p.addWithoutExecution, p.nextDay, p.restore,
		p.addForeign)
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return p.Work(ctx, 4*p.options.Deployments)
}

// Work goes on writing: so many things that users and the worker do, one after the other. After it
// no execution is under way and logstash has nothing in memory.
func (p *Product) Work(ctx context.Context, things int) error {
	all := []func(context.Context) error{
		p.execute, p.execute, p.execute, p.execute, p.changeInstance, p.changeInstance, p.changeNode, p.addDeployment, p.deleteDeployment, p.addBlueprint,
		p.addUpdate, p.addModification, p.addPlugin, p.deletePlugin, p.addSnapshot, p.deleteSnapshot, p.replaceSnapshot, p.changeContext, p.restore,
		p.addEarlyEvents, p.addWithoutExecution, p.replaceDeployment, p.replaceBlueprint, p.addForeign,
	}
	for range things {
		p.pass(time.Duration(p.rng.IntN(90)) * time.Minute)
		if err := pick(p.rng, all)(ctx); err != nil {
			return err
		}
		if err := p.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (p *Product) nextDay(ctx context.Context) error {
	err := p.flush(ctx)
	p.pass(24 * time.Hour)
	return err
}

// DropOldestDay deletes the oldest daily index, as curator does.
func (p *Product) DropOldestDay(ctx context.Context) error {
	var days []string
	for _, e := range p.written {
		days = append(days, e.index)
	}
	if len(days) == 0 {
		return nil
	}
	oldest := slices.Min(days)
	p.written = slices.DeleteFunc(p.written, func(e entry) bool { return e.index == oldest })
	_, err := p.es.Call(ctx, http.MethodDelete, "/"+oldest, nil)
	return err
}

// UseClock sets the manager's clock, which is otherwise one that starts in March 2017 and moves with what is written.
func (p *Product) UseClock(now func() time.Time) { p.clock = now }

func (p *Product) pass(d time.Duration) { p.at = p.at.Add(d) }

// now is the manager's clock, a little later each time it is asked.
func (p *Product) now() time.Time {
	if p.clock != nil {
		return p.clock().UTC()
	}
	p.pass(time.Duration(1+p.rng.IntN(2000)) * time.Millisecond)
	return p.at
}

// created is the manager's local time as Python writes it: without a fraction when that is 0.
func (p *Product) created() string {
	t := p.now().Add(p.zone)
	if p.rng.IntN(10) == 0 {
		return t.Format(time.DateTime)
	}
	return t.Format(time.DateTime) + fmt.Sprintf(".%06d", 1+p.rng.IntN(999999))
}

// name returns an id that nothing else has.
func (p *Product) name(kind string) string {
	p.made++
	return fmt.Sprintf(pick(p.rng, []string{"%s-%d", "%s %d", "%s.v%d", "%s_%d", "My %s (%d)"}), kind, p.made)
}

const (
	hexadecimal = "0123456789abcdef"
	idLetters   = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)

func (p *Product) letters(from string, n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(from[p.rng.IntN(len(from))])
	}
	return b.String()
}

func (p *Product) uuid() string {
	h := p.letters(hexadecimal, 32)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}

// description is a text of the kind that ends in a text column, or none.
func (p *Product) description() any {
	switch p.rng.IntN(4) {
	case 0:
		return nil
	case 1:
		return ""
	case 2:
		return pick(p.rng, texts)
	}
	return "what it is for: größer, 例"
}
