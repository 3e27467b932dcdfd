package service

import (
	"context"
	"sync"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/health"
	"onerpm/payload-scripts/internal/systemd"
)

const (
	probeEvery = 50 * time.Millisecond // 20 questions a second, as docs/benchmarks.md measures from outside
	probeWait  = time.Second           // an answer that takes longer is none
)

// Probe asks the door's health question again and again, to tell from when to
// when clients were not let in. Only the status of the answer counts, so it
// is the same question to both releases. A nil Probe, of a product whose
// door has no question, knows no times.
type Probe struct {
	stop  context.CancelFunc
	ended chan struct{}

	mu    sync.Mutex
	last  time.Time // when the newest questions were put that all doors answered: clients were let in at least until then
	mark  time.Time
	first time.Time // of the first good answer of all doors to questions put since the mark
	count int       // how often since the mark one of the doors, or all, answered
}

// Doors are the units that let clients in.
func (s *Services) Doors() []string {
	var names []string
	for _, u := range s.units {
		if u.Door {
			names = append(names, u.Unit)
		}
	}
	return names
}

// OpenDoors returns the doors that run.
func (s *Services) OpenDoors(ctx context.Context) ([]string, error) {
	var open []string
	for _, name := range s.Doors() {
		serves, err := s.Serves(ctx, name)
		if err != nil {
			return nil, err
		}
		if serves {
			open = append(open, name)
		}
	}
	return open, nil
}

// Serves reports whether a unit runs.
func (s *Services) Serves(ctx context.Context, name string) (bool, error) {
	state, err := s.systemd.Active(ctx, name)
	return systemd.Serves(state), err
}

// Probe begins to ask. Stop ends it.
func (s *Services) Probe(ctx context.Context) *Probe {
	var questions []*manifest.Health
	for _, u := range s.units {
		if u.Door && u.Health != nil {
			h := *u.Health
			h.Expect.JSON, h.Expect.Old = nil, nil
			questions = append(questions, &h)
		}
	}
	if len(questions) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &Probe{stop: cancel, ended: make(chan struct{})}
	go p.ask(ctx, questions)
	return p
}

// Stop ends the questions.
func (p *Probe) Stop() {
	if p != nil {
		p.stop()
		<-p.ended
	}
}

func (p *Probe) ask(ctx context.Context, questions []*manifest.Health) {
	defer close(p.ended)
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		asked := time.Now()
		if n := answers(ctx, questions); n > 0 {
			p.note(asked, time.Now(), n == len(questions))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// answers is how many doors answer.
func answers(ctx context.Context, questions []*manifest.Health) (n int) {
	for _, h := range questions {
		limited, cancel := context.WithTimeout(ctx, probeWait)
		if health.Ask(limited, h, manifest.New) == nil {
			n++
		}
		cancel()
	}
	return n
}

func (p *Probe) note(asked, answered time.Time, all bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if all {
		p.last = asked
	}
	if asked.Before(p.mark) {
		return
	}
	p.count++
	if all && p.first.IsZero() {
		p.first = answered
	}
}

// Mark parts what came before from what comes now. It returns when the newest questions were put that
// all doors answered, zero when there were none.
func (p *Probe) Mark() time.Time {
	if p == nil {
		return time.Time{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mark, p.first, p.count = time.Now(), time.Time{}, 0
	return p.last
}

// Count is how often since the mark at least one door answered.
func (p *Probe) Count() int {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

// Await waits for the first good answer of all doors since the mark and returns its time,
// zero when none came within the time.
func (p *Probe) Await(ctx context.Context, within time.Duration) time.Time {
	if p == nil {
		return time.Time{}
	}
	deadline := time.Now().Add(within)
	for {
		p.mu.Lock()
		first := p.first
		p.mu.Unlock()
		if !first.IsZero() || time.Now().After(deadline) {
			return first
		}
		select {
		case <-ctx.Done():
			return time.Time{}
		case <-time.After(probeEvery / 5):
		}
	}
}
