package service

import (
	"context"
	"sync"
	"time"

	"onerpm/internal/manifest"
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
	last  time.Time // when the newest question was put that had a good answer: clients were let in at least until then
	mark  time.Time
	first time.Time // of the first good answer to a question put since the mark
	count int       // good answers since the mark
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

// Serves tells whether a unit runs.
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
		if answered(ctx, questions) {
			p.note(asked, time.Now())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// answered tells whether every door answers.
func answered(ctx context.Context, questions []*manifest.Health) bool {
	ctx, cancel := context.WithTimeout(ctx, probeWait)
	defer cancel()
	for _, h := range questions {
		if Ask(ctx, h, manifest.New) != nil {
			return false
		}
	}
	return true
}

func (p *Probe) note(asked, answered time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = asked
	if asked.Before(p.mark) {
		return
	}
	if p.count++; p.count == 1 {
		p.first = answered
	}
}

// Mark parts what came before from what comes now. It returns when the newest question was put that
// had a good answer, zero when there was none.
func (p *Probe) Mark() time.Time {
	if p == nil {
		return time.Time{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mark, p.first, p.count = time.Now(), time.Time{}, 0
	return p.last
}

// Count is how many good answers there were since the mark.
func (p *Probe) Count() int {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

// Await waits for the first good answer since the mark and returns its time,
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
