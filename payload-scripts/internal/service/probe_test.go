package service

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"onerpm/internal/manifest"
)

func TestProbe(t *testing.T) {
	t.Parallel()
	var shut atomic.Bool
	refused := make(chan struct{}, 1)
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if shut.Load() {
			select {
			case refused <- struct{}{}:
			default:
			}
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = w.Write([]byte(`{"version": "4.1.1"}`))
	}))
	defer door.Close()
	// The version is asked when the unit is started; the probe must not mind it.
	health := &manifest.Health{HTTP: door.URL, Expect: manifest.Expect{Status: 200, JSON: map[string]string{"version": "4.2.0"}}}
	s := &Services{units: []manifest.Service{{Unit: "rest", Health: &manifest.Health{HTTP: "http://127.0.0.1:1"}}, {Unit: "nginx", Door: true, Health: health}}}

	began := time.Now()
	p := s.Probe(t.Context())
	defer p.Stop()
	before := p.Await(t.Context(), time.Minute)
	if before.Before(began) {
		t.Fatalf("the open door is not seen: %v", before)
	}
	shut.Store(true)
	<-refused // it asks one thing at a time: an answer that was on its way has arrived
	shutAt := time.Now()
	last := p.Mark()
	if last.Before(began) || last.After(shutAt) {
		t.Errorf("last answer at %v; the door was shut by %v", last, shutAt)
	}
	if first := p.Await(t.Context(), 4*probeEvery); !first.IsZero() {
		t.Errorf("an answer at %v, while the door is shut", first)
	}
	if n := p.Count(); n != 0 {
		t.Errorf("%d answers while the door was shut", n)
	}
	opened := time.Now()
	shut.Store(false)
	if first := p.Await(t.Context(), time.Minute); first.Before(opened) {
		t.Errorf("first answer at %v, opened at %v", first, opened)
	}
}

// TestProbeOfASlowDoor: a client was let in when its question was put, and perhaps no later.
func TestProbeOfASlowDoor(t *testing.T) {
	t.Parallel()
	asked, goOn := make(chan time.Time, 1), make(chan struct{})
	var once atomic.Bool
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if once.Swap(true) {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		asked <- time.Now()
		<-goOn
	}))
	defer door.Close()
	health := &manifest.Health{HTTP: door.URL, Expect: manifest.Expect{Status: 200}}
	p := (&Services{units: []manifest.Service{{Unit: "nginx", Door: true, Health: health}}}).Probe(t.Context())
	defer p.Stop()
	at := <-asked
	time.Sleep(20 * time.Millisecond)
	close(goOn)
	p.Await(t.Context(), time.Minute)
	if last := p.Mark(); last.IsZero() || last.After(at) {
		t.Errorf("last let in at %v, the question arrived at %v", last, at)
	}
}

// TestOneOfTwoDoors: who comes through one of them was let in, though the other is shut.
func TestOneOfTwoDoors(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	open := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		select {
		case asked <- struct{}{}:
		case <-t.Context().Done():
		}
	}))
	defer open.Close()
	question := func(url string) *manifest.Health {
		return &manifest.Health{HTTP: url, Expect: manifest.Expect{Status: 200}}
	}
	p := (&Services{units: []manifest.Service{{Unit: "web", Door: true, Health: question(open.URL)},
		{Unit: "broker", Door: true, Health: question("http://127.0.0.1:1")}}}).Probe(t.Context())
	defer p.Stop()
	<-asked
	<-asked // what came before is noted
	if p.Count() == 0 {
		t.Error("the answer of the one is not counted")
	}
	if !p.Await(t.Context(), 0).IsZero() || !p.Mark().IsZero() {
		t.Error("it counts as the answer of both")
	}
}

func TestProbeWithoutQuestion(t *testing.T) {
	t.Parallel()
	p := (&Services{units: []manifest.Service{{Unit: "nginx", Door: true}}}).Probe(t.Context())
	defer p.Stop()
	if !p.Mark().IsZero() || p.Count() != 0 || !p.Await(t.Context(), time.Minute).IsZero() {
		t.Error("a door without a question answers")
	}
}
